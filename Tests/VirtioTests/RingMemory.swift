import Packets
@testable import Virtio

/// The memory of one queue as its device reaches it, field by field: what the
/// tests of the rings expect there and write there. It knows no rules; the
/// device model does. VIRTIO 1.2 §2.7, §2.8.
struct RingMemory {
  let addresses: RingAddresses

  init(_ queue: borrowing Virtqueue) {
    addresses = queue.addresses(base: UInt64(queue.address))
  }

  func load<T: FixedWidthInteger>(_ address: UInt64, as type: T.Type) -> T {
    // SAFETY: The tests pass addresses in the queue's memory or in a packet
    // that is posted; both outlive the call.
    unsafe UnsafeRawPointer(bitPattern: UInt(address))!
      .loadUnaligned(as: type)
  }

  func store<T: FixedWidthInteger>(_ value: T, at address: UInt64) {
    // SAFETY: As in `load`.
    unsafe UnsafeMutableRawPointer(bitPattern: UInt(address))!
      .storeBytes(of: value, as: T.self)
  }

  // MARK: Descriptors

  /// A descriptor: the last two fields are flags and next where the queue is
  /// split, identifier and flags where it is packed.
  struct Descriptor: Equatable {
    var address: UInt64
    var length: UInt32
    var third: UInt16
    var fourth: UInt16

    init(_ address: UInt64, _ length: UInt32, _ third: UInt16, _ fourth: UInt16)
    {
      self.address = address
      self.length = length
      self.third = third
      self.fourth = fourth
    }
  }

  func descriptor(_ index: Int) -> Descriptor {
    descriptor(at: addresses.descriptors + 16 * UInt64(index))
  }

  func descriptor(at base: UInt64) -> Descriptor {
    Descriptor(
      load(base, as: UInt64.self),
      load(base + 8, as: UInt32.self),
      load(base + 12, as: UInt16.self),
      load(base + 14, as: UInt16.self)
    )
  }

  // MARK: Split

  var availableFlags: UInt16 { load(addresses.driverArea, as: UInt16.self) }
  var availableIndex: UInt16 {
    load(addresses.driverArea + 2, as: UInt16.self)
  }
  func available(_ slot: Int) -> UInt16 {
    load(addresses.driverArea + 4 + 2 * UInt64(slot), as: UInt16.self)
  }
  /// Behind the ring of the driver area. §2.7.6.
  var usedEvent: UInt16 { available(Int(addresses.size)) }

  func setUsedFlags(_ flags: UInt16) { store(flags, at: addresses.deviceArea) }
  func setUsedIndex(_ index: UInt16) {
    store(index, at: addresses.deviceArea + 2)
  }
  /// Behind the ring of the device area. §2.7.8.
  func setAvailableEvent(_ index: UInt16) {
    store(index, at: addresses.deviceArea + 4 + 8 * UInt64(addresses.size))
  }
  func setUsed(_ slot: Int, _ identifier: UInt32, _ length: UInt32) {
    let entry = addresses.deviceArea + 4 + 8 * UInt64(slot)
    store(identifier, at: entry)
    store(length, at: entry + 4)
  }

  // MARK: Packed

  func flags(_ slot: Int) -> UInt16 { descriptor(slot).fourth }
  var driverEvent: [UInt16] {
    [availableFlags, availableIndex]
  }
  func setDeviceEvent(_ place: UInt16, _ flags: UInt16) {
    store(place, at: addresses.deviceArea)
    store(flags, at: addresses.deviceArea + 2)
  }
  func setUsed(
    _ slot: Int,
    _ identifier: UInt16,
    _ length: UInt32,
    flags: UInt16
  ) {
    let base = addresses.descriptors + 16 * UInt64(slot)
    store(length, at: base + 8)
    store(identifier, at: base + 12)
    store(flags, at: base + 14)
  }
}

extension QueueFormat {
  /// A format by what is agreed on.
  static func of(_ features: Features) -> QueueFormat { QueueFormat(features) }
}

extension PacketPool {
  /// A packet of `count` bytes. The test has made the pool large enough.
  func packet(_ count: Int, headroom: Int = 0) -> PacketBuffer {
    guard var packet = allocate(headroom: headroom) else {
      preconditionFailure("the test's pool is empty")
    }
    packet.append(count)
    return packet
  }
}

extension Virtqueue {
  /// Posts a packet of `pool` with `count` bytes, all one way.
  mutating func post(
    _ count: Int,
    of pool: PacketPool,
    deviceWrites: Bool = true,
    headerSize: Int = 0
  ) {
    post(
      pool.packet(count),
      Direction(deviceWrites: deviceWrites, headerSize: headerSize),
      reachedBy: SameAddresses()
    )
  }

  /// The bytes written to the next packet that came back; `nil`: none came.
  mutating func takeWritten() -> Int? { takeUsed()?.writtenCount }
}
