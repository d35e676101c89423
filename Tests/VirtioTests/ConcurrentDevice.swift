import Synchronization

@testable import Virtio

/// A device on a thread of its own: it gives back at once what it finds, wants
/// no notifications while it looks, and sleeps when it finds nothing. It writes
/// as VIRTIO 1.2 §2.7.13 and §2.8.22 have a device write, and orders each store
/// that the driver waits for before the look that follows it.
struct ConcurrentDevice: Sendable {
  let addresses: RingAddresses
  let isPacked: Bool
  let hasEventIndex: Bool
  /// The next entry or descriptor to look at; it is used at once.
  private var position: UInt16 = 0
  /// Packed: the wrap counter.
  private var wrap = true

  init(_ addresses: RingAddresses, _ features: Features) {
    self.addresses = addresses
    isPacked = features.contains(.ringPacked)
    hasEventIndex = features.contains(.eventIdx)
  }

  private func field(_ address: UInt64) -> UnsafePointer<Atomic<UInt16>> {
    // SAFETY: The address is of a field of 16 bits in the queue's memory,
    // which lives until the device's thread has ended.
    unsafe UnsafePointer(bitPattern: UInt(address))!
  }

  private func load(_ address: UInt64) -> UInt16 {
    unsafe field(address).pointee.load(ordering: .sequentiallyConsistent)
  }

  private func store(_ value: UInt16, _ address: UInt64) {
    unsafe field(address).pointee
      .store(value, ordering: .sequentiallyConsistent)
  }

  private var slot: UInt64 {
    UInt64(isPacked ? position : position % addresses.size)
  }

  private var descriptor: UInt64 { addresses.descriptors + 16 * slot }
  private var offsetAndWrap: UInt16 { position | (wrap ? 0x8000 : 0) }

  /// Whether there is something to use.
  var hasAvailable: Bool {
    guard isPacked else { return load(addresses.driverArea + 2) != position }
    return load(descriptor + 14) & 0x8080 == (wrap ? 0x80 : 0x8000)
  }

  /// Uses what is next; says whether the driver wants an interrupt for it.
  mutating func use() -> Bool {
    if isPacked {
      // The identifier stays where it is; of the length the low half is new.
      store(0, descriptor + 8)
      store((wrap ? 0x8080 : 0) | 2, descriptor + 14)
    } else {
      let head = load(addresses.driverArea + 4 + 2 * slot)
      store(head, addresses.deviceArea + 4 + 8 * slot)
      store(position &+ 1, addresses.deviceArea + 2)
    }
    let isWanted = wantsInterrupt
    position &+= 1
    if isPacked, position == addresses.size {
      position = 0
      wrap.toggle()
    }
    return isWanted
  }

  /// Whether the driver wants an interrupt for what is used next, as far as the
  /// device can see.
  var wantsInterrupt: Bool {
    guard isPacked else {
      let event = addresses.driverArea + 4 + 2 * UInt64(addresses.size)
      return hasEventIndex
        ? load(event) == position : load(addresses.driverArea) == 0
    }
    switch load(addresses.driverArea + 2) {
    case 0: return true
    case 2: return load(addresses.driverArea) == offsetAndWrap
    default: return false
    }
  }

  /// No notifications from now on, where there is a way to say so.
  func suppress() {
    if isPacked {
      store(1, addresses.deviceArea + 2)
    } else if !hasEventIndex {
      store(1, addresses.deviceArea)
    }
  }

  /// Asks for a notification of what comes next.
  func arm() {
    if isPacked {
      if hasEventIndex { store(offsetAndWrap, addresses.deviceArea) }
      store(hasEventIndex ? 2 : 0, addresses.deviceArea + 2)
    } else if hasEventIndex {
      store(position, addresses.deviceArea + 4 + 8 * UInt64(addresses.size))
    } else {
      store(0, addresses.deviceArea)
    }
  }
}
