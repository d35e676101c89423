import Fuzzing
import PCI
import Packets
@testable import Virtio

/// A whole start of the network device over each of the transports, whose
/// registers answer as they should or with anything else, at every read.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let input = unsafe Input(start, count)
  let host = InputHost(input)
  let flags = input.byte()
  guard let transport = transport(host, flags) else { return 0 }
  var settings = NetworkSettings(
    receiveMemory: 1 << UInt(15 + input.index(below: 7)),
    randomBits: input.number(),
    vectors: flags & 4 != 0 ? .perQueue(configuration: 0, first: 1) : nil
  )
  settings.controlReads = 16
  if flags & 8 != 0 { settings.without = .ctrlVQ }
  guard
    let device = try? NetworkDevice.start(transport, settings)
  else { return 0 }
  check(device.mtu ?? 1500 >= 576, "an MTU with which no stack can be made")
  let pool = device.receivePool
  use(device, input)
  check(pool.available == pool.capacity, "a packet is lost with its device")
  return 0
}

private func use(
  _ device: consuming NetworkDevice<DeviceTransport<InputHost>>,
  _ input: Input
) {
  while input.count > 0 {
    switch input.index(below: 6) {
    case 0: _ = device.isLinkUp
    case 1: _ = device.linkSpeed
    case 2: _ = device.acknowledgeInterrupt()
    case 3: check(device.receive() == nil, "a frame that nobody wrote")
    case 4: _ = device.needsReset
    default:
      // What it has then is whole all the same.
      try? device.restart()
    }
  }
  // Behind the end of the input every device comes to rest.
  try? device.stop()
}

private func transport(
  _ host: InputHost,
  _ flags: UInt8
) -> DeviceTransport<InputHost>? {
  let base: UInt64 = 0xE000_0000
  switch flags & 3 {
  case 0:
    host.registers[base + UInt64(LegacyRegister.deviceFeatures)] = .max
    host.registers[base + UInt64(LegacyRegister.queueSize)] = 16
    host.readOnly = Set(
      [
        LegacyRegister.deviceFeatures, LegacyRegister.queueSize,
        LegacyRegister.queueAddress,
      ].map { base + UInt64($0) }
    )
    if flags == 0xFC { host.stuck = base + UInt64(LegacyRegister.status) }
    host.spaces = [legacySpace]
  case 1:
    host.registers[base + UInt64(CommonRegister.deviceFeature)] = .max
    host.registers[base + UInt64(CommonRegister.queueCount)] = 2
    host.registers[base + UInt64(CommonRegister.queueSize)] = 16
    host.readOnly = Set(
      [
        CommonRegister.deviceFeature, CommonRegister.queueCount,
        CommonRegister.queueSize, CommonRegister.queueEnable,
      ].map { base + UInt64($0) }
    )
    if flags == 0xFD { host.stuck = base + UInt64(CommonRegister.status) }
    host.spaces = [modernSpace]
  default:
    return memoryMapped(host, base, version: UInt32(flags & 1) + 1)
  }
  let assignment = AddressAssignment(enumerate(host), host)
  return try? DeviceTransport(
    host,
    assignment.entries[0],
    hasVectors: flags & 4 != 0
  )
}

private func memoryMapped(
  _ host: InputHost,
  _ base: UInt64,
  version: UInt32
) -> DeviceTransport<InputHost>? {
  host.registers = [
    base + UInt64(MMIORegister.magic): MMIORegister.expectedMagic,
    base + UInt64(MMIORegister.version): version,
    base + UInt64(MMIORegister.deviceID): 1,
    base + UInt64(MMIORegister.deviceFeatures): .max,
    base + UInt64(MMIORegister.queueSizeMax): 16,
  ]
  host.readOnly = Set(host.registers.keys)
  host.readOnly.insert(base + UInt64(MMIORegister.queueReady))
  host.readOnly.insert(base + UInt64(MMIORegister.queuePageNumber))
  guard
    case .device(let device) = MMIODevice.find(at: base..<base + 0x200, host)
  else { return nil }
  return DeviceTransport(host, device)
}

/// A device as before the standard, with its registers in memory at the first
/// place of the window.
private var legacySpace: InputHost.Space {
  var space = InputHost.Space()
  space.words[0] = 0x1000_1AF4
  space.writable[1] = 0x0407
  space.writable[4] = 0xFFFF_FF00
  return space
}

/// A device by the standard, whose four structures are in one register.
private var modernSpace: InputHost.Space {
  var space = legacySpace
  space.words[0] = 0x1041_1AF4
  space.words[1] = 1 << 20
  space.writable[4] = 0xFFFF_C000
  space.words[13] = 0x40
  for (index, kind) in [UInt32(1), 3, 4, 2].enumerated() {
    let word = 16 + 5 * index
    let next = index < 3 ? UInt32(0x40 + 20 * (index + 1)) : 0
    space.words[word] = 0x09 | next << 8 | 20 << 16 | kind << 24
    space.words[word + 2] = UInt32(0x1000 * index)
    space.words[word + 3] = 0x1000
    space.words[word + 4] = kind == 2 ? 4 : 0
  }
  return space
}
