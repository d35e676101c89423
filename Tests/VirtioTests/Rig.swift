import PCI
import PCIModel
import Packets

@testable import Virtio

/// A made-up machine with a device model on its bus, and the real driver's way
/// to it.
final class Rig {
  typealias Device = NetworkDevice<DeviceTransport<ModelHost>>

  /// How the driver drives the device.
  enum Way: CaseIterable {
    case legacyLine, legacyMessages, modernLine, modernMessages

    var isLegacy: Bool { self == .legacyLine || self == .legacyMessages }
    var hasVectors: Bool { self == .legacyMessages || self == .modernMessages }
  }

  let machine = ModelMachine()
  let model: NetworkDeviceModel
  /// Where the tests take what they send from.
  let pool: PacketPool
  /// The memory that the device receives into: as many slots of 2 KiB, unless
  /// told otherwise.
  let receiveMemory: Int
  let way: Way
  /// What the driver leaves out though it is offered.
  var without: Features = []
  /// How often the driver looks for the answer to a command; `nil`: as often as
  /// it does.
  var controlReads: Int?
  /// The device's own pool, once it was started.
  private(set) var receivePool: PacketPool!
  private var keepsPools = false

  init(
    _ way: Way,
    _ build: NetworkDeviceModel.Build = NetworkDeviceModel.Build(),
    packets: Int = 64,
    receiveMemory: Int? = nil
  ) {
    self.way = way
    model = NetworkDeviceModel(build, in: machine)
    machine.root.add(model, 3)
    pool = PacketPool(capacity: packets)
    self.receiveMemory =
      receiveMemory ?? packets * PacketPool.defaultSlotSize
  }

  var entry: AddressAssignment.Entry {
    let functions = enumerate(machine.host)
    return AddressAssignment(functions, machine.host).entries[0]
  }

  /// Does what the kernel does to start the device.
  func start(
    randomBits: UInt64 = 0x0123_4567_89AB_CDEF
  ) throws(VirtioError) -> Device {
    let entry = entry
    let host = machine.host
    AddressAssignment([entry.function], host).enable(entry.function, host)
    if way.hasVectors, let msix = MSIX(host, entry) {
      msix.enable()
      for vector in 0..<3 {
        msix.setVector(
          vector,
          address: 0xFEE0_0000,
          data: 0x40 + UInt32(vector)
        )
      }
    }
    let transport = try DeviceTransport(
      host,
      entry,
      hasVectors: way.hasVectors,
      choice: way.isLegacy ? .legacy : .automatic
    )
    var settings = NetworkSettings(
      receiveMemory: receiveMemory,
      randomBits: randomBits,
      vectors: way.hasVectors
        ? .perQueue(configuration: 0, first: 1) : nil
    )
    settings.without = without
    if let controlReads { settings.controlReads = controlReads }
    let device = try Device.start(transport, settings)
    receivePool = device.receivePool
    if keepsPools { _ = unsafe Unmanaged.passRetained(device.receivePool) }
    model.freePackets = { [pool, receivePool] in
      pool.available + (receivePool?.available ?? 0)
    }
    return device
  }

  /// A frame of the pool with these bytes, ready to be sent.
  func packet(_ bytes: [UInt8]) -> PacketBuffer? {
    guard var packet = pool.allocate(headroom: 32) else { return nil }
    packet.append(copying: bytes.rawBytes)
    return packet
  }

  /// Why the driver could not start the device; `nil` when it could.
  func failure() -> VirtioError? {
    do throws(VirtioError) {
      let device = try start()
      try device.stop()
      return nil
    } catch {
      return error
    }
  }

  /// Whether all packets are back, received and sent ones.
  var hasAllPackets: Bool {
    pool.available == pool.capacity
      && receivePool?.available == receivePool?.capacity
  }

  /// Keeps the pools for ever: for tests in which packets stay with a device
  /// that does not come to rest.
  func keepPool() {
    keepsPools = true
    _ = unsafe Unmanaged.passRetained(pool)
    guard let receivePool else { return }
    _ = unsafe Unmanaged.passRetained(receivePool)
  }
}

/// The bytes of a frame with its number in front.
func frame(_ number: Int, length: Int = 60) -> [UInt8] {
  (0..<length).map {
    $0 < 8
      ? UInt8(truncatingIfNeeded: number >> (8 * $0))
      : UInt8(truncatingIfNeeded: number &* 31 &+ $0)
  }
}

extension NetworkDevice {
  /// The bytes of the next frame.
  mutating func receiveBytes() -> [UInt8]? {
    guard let packet = receive() else { return nil }
    return bytes(of: packet)
  }
}

/// The bytes of a packet.
func bytes(of packet: borrowing PacketBuffer) -> [UInt8] {
  let span = packet.bytes
  return (0..<span.byteCount).map { span.byte(at: $0) }
}

/// Random numbers that a test can play again. Steele, Lea and Flood: SplitMix.
struct SeededNumbers: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
    return mixed ^ mixed >> 31
  }
}
