@testable import Virtio

/// What a driver that keeps to the rules has made available.
extension RingDevice {
  /// A chain as the device has read it.
  struct Chain {
    var identifier: UInt16
    /// Its descriptors in the ring, which a packed ring goes on by.
    var ringCount: UInt16
    var parts: [(address: UInt64, length: UInt32)] = []
  }

  private enum Descriptor {
    static var size: UInt64 { 16 }
  }

  /// The next chain that the driver has made available, if there is one.
  mutating func take() -> Chain? { isPacked ? takePacked() : takeSplit() }

  /// VIRTIO 1.2 §2.7.6, §2.7.5.
  private mutating func takeSplit() -> Chain? {
    let area = addresses.driverArea
    guard load(area + 2, as: UInt16.self) != available else { return nil }
    let slot = UInt64(available % addresses.size)
    available &+= 1
    let head = load(area + 4 + 2 * slot, as: UInt16.self)
    var chain = Chain(identifier: head, ringCount: 1)
    follow(addresses.descriptors, head, &chain)
    return chain
  }

  private func follow(_ table: UInt64, _ head: UInt16, _ chain: inout Chain) {
    var index = head
    // No chain is longer than its queue.
    for _ in 0..<addresses.size {
      let descriptor = table + Descriptor.size * UInt64(index)
      let flags = load(descriptor + 12, as: UInt16.self)
      let address = load(descriptor, as: UInt64.self)
      guard flags & DescriptorFlag.indirect == 0 else {
        return follow(address, 0, &chain)
      }
      chain.parts.append((address, load(descriptor + 8, as: UInt32.self)))
      guard flags & DescriptorFlag.next != 0 else { return }
      index = load(descriptor + 14, as: UInt16.self)
    }
  }

  /// §2.8.6.
  private mutating func takePacked() -> Chain? {
    var chain = Chain(identifier: 0, ringCount: 0)
    var isLast = false
    while !isLast, chain.ringCount < addresses.size {
      let descriptor =
        addresses.descriptors + Descriptor.size * UInt64(available)
      let flags = load(descriptor + 14, as: UInt16.self)
      let isAvailable =
        (flags & DescriptorFlag.available != 0) == availableWrap
        && (flags & DescriptorFlag.used != 0) != availableWrap
      guard isAvailable else { return nil }
      let address = load(descriptor, as: UInt64.self)
      let length = load(descriptor + 8, as: UInt32.self)
      chain.identifier = load(descriptor + 12, as: UInt16.self)
      chain.ringCount += 1
      if flags & DescriptorFlag.indirect != 0 {
        for offset in stride(from: 0, to: UInt64(length), by: 16) {
          chain.parts.append(
            (
              load(address + offset, as: UInt64.self),
              load(address + offset + 8, as: UInt32.self)
            )
          )
        }
      } else {
        chain.parts.append((address, length))
      }
      isLast = flags & DescriptorFlag.next == 0
      available += 1
      if available == addresses.size {
        available = 0
        availableWrap.toggle()
      }
    }
    return chain
  }

  private func load<Value: BitwiseCopyable>(
    _ address: UInt64,
    as type: Value.Type
  ) -> Value {
    // SAFETY: The driver keeps its rings and tables as long as the device has
    // them, and the fuzzer writes over no descriptor of such a queue.
    unsafe UnsafeRawPointer(bitPattern: UInt(address))!
      .load(as: Value.self)
  }
}
