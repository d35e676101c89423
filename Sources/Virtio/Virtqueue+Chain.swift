import Packets

/// How a packet becomes descriptors. VIRTIO 1.2 §2.7.5, §2.8.5.
extension Virtqueue {
  /// Writes a descriptor that stands alone in the ring.
  mutating func enter(
    _ part: Part,
    _ flags: UInt16,
    _ identifier: UInt16
  ) {
    ring.enter(part, flags, at: identifier, next: 0, of: identifier)
  }

  /// Writes a packet of several parts into a table of its own, or into the
  /// ring. The first descriptor is taken already.
  mutating func enter<Mapping: AddressMapping>(
    _ packet: borrowing PacketBuffer,
    _ direction: Direction,
    _ mapping: Mapping,
    _ identifier: UInt16
  ) {
    let chain = Chain(packet, direction, mapping)
    if chain.count > 1, format.hasIndirect,
      let table = unsafe packet.unsafeTail(
        byteCount: chain.count * DescriptorLayout.size
      )
    {
      Self.writeTable(table, chain, packet, isPacked: format.isPacked)
      let byteCount = chain.count * DescriptorLayout.size
      let part = Part(
        address: mapping.deviceAddress(of: table, byteCount: byteCount),
        length: UInt32(truncatingIfNeeded: byteCount)
      )
      enter(part, DescriptorFlag.indirect, identifier)
    } else {
      enter(chain, packet, identifier)
    }
  }

  /// Writes a chain into the ring. The first descriptor is taken already.
  private mutating func enter<Mapping: AddressMapping>(
    _ chain: borrowing Chain<Mapping>,
    _ packet: borrowing PacketBuffer,
    _ identifier: UInt16
  ) {
    var descriptor = identifier
    for index in 0..<chain.count {
      let part = chain.part(index, of: packet)
      var flags: UInt16 = chain.isWritten(index) ? DescriptorFlag.write : 0
      let isLast = index + 1 == chain.count
      var next: UInt16 = 0
      if !isLast {
        flags |= DescriptorFlag.next
        next = descriptors.take(after: descriptor)
      }
      ring.enter(part, flags, at: descriptor, next: next, of: identifier)
      descriptor = next
    }
  }

  /// Writes a chain into the table at `table`. §2.7.5.3, §2.8.7.
  private static func writeTable<Mapping: AddressMapping>(
    _ table: UInt,
    _ chain: borrowing Chain<Mapping>,
    _ packet: borrowing PacketBuffer,
    isPacked: Bool
  ) {
    for index in 0..<chain.count {
      let part = chain.part(index, of: packet)
      let base = table + UInt(index * DescriptorLayout.size)
      var flags: UInt16 = chain.isWritten(index) ? DescriptorFlag.write : 0
      if isPacked {
        PackedRing.write(part, flags, at: base)
      } else {
        let isLast = index + 1 == chain.count
        if !isLast { flags |= DescriptorFlag.next }
        SplitRing.write(
          part,
          flags,
          next: isLast ? 0 : UInt16(truncatingIfNeeded: index + 1),
          at: base
        )
      }
    }
  }
}
