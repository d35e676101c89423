@testable import Virtio

/// The device's end of a queue: as far as the fuzzer wants it by the rules, so
/// that it comes to what lies behind them, and otherwise against them.
struct RingDevice {
  let addresses: RingAddresses
  let isPacked: Bool
  private var position: UInt16 = 0
  private var wrap = true
  /// Where the next chain is that the driver has made available.
  var available: UInt16 = 0
  var availableWrap = true

  /// The device's end of a queue that the driver says is at `addresses`.
  init(_ addresses: RingAddresses, isPacked: Bool) {
    self.addresses = addresses
    self.isPacked = isPacked
  }

  init(_ queue: borrowing Virtqueue) {
    self.init(
      queue.addresses(base: UInt64(queue.address)),
      isPacked: queue.format.isPacked
    )
  }

  /// Gives back `identifier`, as the next in the device's order.
  mutating func use(_ identifier: UInt16, length: UInt32, skipping: UInt16) {
    if isPacked {
      usePacked(identifier, length, skipping)
    } else {
      useSplit(identifier, length)
    }
  }

  /// VIRTIO 1.2 §2.7.8.
  private mutating func useSplit(_ identifier: UInt16, _ length: UInt32) {
    let slot = UInt64(position % addresses.size)
    let element = addresses.deviceArea + 4 + 8 * slot
    store(UInt32(identifier), at: element)
    store(length, at: element + 4)
    position &+= 1
    store(position, at: addresses.deviceArea + 2)
  }

  /// §2.8.6, §2.8.13: `skipping` is the size of the chain, which a device knows
  /// from the ring.
  private mutating func usePacked(
    _ identifier: UInt16,
    _ length: UInt32,
    _ skipping: UInt16
  ) {
    let descriptor = addresses.descriptors + 16 * UInt64(position)
    store(length, at: descriptor + 8)
    store(identifier, at: descriptor + 12)
    let marks = DescriptorFlag.available | DescriptorFlag.used
    store(wrap ? marks : 0, at: descriptor + 14)
    position += skipping % addresses.size
    guard position >= addresses.size else { return }
    position -= addresses.size
    wrap.toggle()
  }

  private func store<Value: BitwiseCopyable>(
    _ value: Value,
    at address: UInt64
  ) {
    // SAFETY: Within the queue's memory, which its owner keeps.
    unsafe UnsafeMutableRawPointer(bitPattern: UInt(address))!
      .storeBytes(of: value, as: Value.self)
  }
}
