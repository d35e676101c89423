import Fuzzing
import Packets
@testable import Virtio

/// The answers of the control queue, between all that can be asked of it, and
/// what comes with it: several pairs, queues that are reset, the device's own
/// configuration.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let input = unsafe Input(start, count)
  let transport = InputTransport(input)
  var settings = NetworkSettings(
    receiveMemory: 1 << 16,
    randomBits: input.number(),
    vectors: nil
  )
  settings.controlReads = 16
  settings.polledReads = 16
  settings.queuePairs = 1 + input.index(below: 4)
  settings.reportsHashes = input.flag()
  if input.flag() { settings.vlan = VLANTag(input.number()) }
  guard
    let device = try? NetworkDevice.start(transport, settings)
  else { return 0 }
  let pool = device.receivePool
  use(device, input)
  check(pool.available == pool.capacity, "a packet is lost with its device")
  return 0
}

private func use(
  _ device: consuming NetworkDevice<InputTransport>,
  _ input: Input
) {
  while input.count > 0 {
    step(&device, input)
    let counters = device.controlCounters
    check(
      counters.refused + counters.unanswered <= counters.commands,
      "more answers than commands"
    )
  }
  // Behind the end of the input every device comes to rest.
  try? device.stop()
}

private func step(
  _ device: inout NetworkDevice<InputTransport>,
  _ input: Input
) {
  switch input.index(below: 12) {
  case 0: try? device.setPromiscuous(input.flag())
  case 1: try? device.setAllMulticast(input.flag())
  case 2:
    let count = Int(input.byte())
    try? device.setFilter(
      unicast: (0..<count).map { UInt64($0) << 1 + 2 },
      multicast: [0x0100_5E00_0001]
    )
  case 3:
    let address = input.number(as: UInt64.self) & 0xFEFF_FFFF_FFFF
    try? device.setMACAddress(address)
  case 4:
    if device.mustAnnounce { try? device.acknowledgeAnnouncement() }
  case 5:
    try? device.setGuestOffloads(
      device.features.intersection(Features(rawValue: input.number()))
    )
  case 6:
    let coalescing = Coalescing(packets: 4, microseconds: 50)
    try? device.setCoalescing(receive: coalescing, transmit: coalescing)
  case 7:
    try? device.resetQueue(
      pair: input.index(below: device.pairCount),
      input.flag() ? .receive : .transmit,
      size: UInt16(input.byte())
    )
  case 8:
    let bytes = (0..<Int(input.byte())).map { _ in input.byte() }
    device.transport.state.fill(
      2 * UInt16(input.index(below: device.pairCount)),
      bytes,
      length: input.flag() ? UInt32(bytes.count) : input.number()
    )
  case 9:
    while let frame = device.receive() {
      check(frame.count >= 14, "a frame of \(frame.count) bytes")
    }
    device.refill()
    device.flush()
  case 10: device.transport.state.lie(UInt16(input.index(below: 10)))
  default: if device.needsReset { try? device.restart() }
  }
}
