import PCIModel

/// Descriptors and indirect tables. VIRTIO 1.2 §2.7.5 and §2.8.5 to §2.8.8.
extension DeviceQueue {
  /// One descriptor of either format.
  struct Descriptor {
    var address: UInt64
    var length: UInt32
    var flags: UInt16
    /// Split: the next descriptor. Packed: the buffer id.
    var link: UInt16

    var hasNext: Bool { flags & 1 != 0 }
    var isWritable: Bool { flags & 2 != 0 }
    var isIndirect: Bool { flags & 4 != 0 }

    init(_ place: UInt64, _ memory: ModelMemory, isPacked: Bool) {
      address = memory.load(place)
      length = memory.load(place + 8)
      let (third, fourth): (UInt16, UInt16) = (
        memory.load(place + 12), memory.load(place + 14)
      )
      flags = isPacked ? fourth : third
      link = isPacked ? third : fourth
    }
  }

  /// The part of a chain that a descriptor is.
  func part(
    _ descriptor: Descriptor,
    _ memory: ModelMemory,
    _ object: (Violation) -> Void
  ) -> Chain.Part? {
    let part = Chain.Part(
      address: descriptor.address,
      length: Int(descriptor.length),
      isWritable: descriptor.isWritable
    )
    guard part.length > 0, memory.contains(part.address, part.length) else {
      object(.bufferNotInMemory)
      return nil
    }
    return part
  }

  /// The parts that an indirect table lists.
  func readTable(
    _ table: Descriptor,
    _ memory: ModelMemory,
    _ object: (Violation) -> Void
  ) -> [Chain.Part]? {
    guard rules.hasIndirect else {
      object(.badDescriptorFlags)
      return nil
    }
    guard table.length > 0, table.length % 16 == 0 else {
      object(.badIndirectTable)
      return nil
    }
    guard memory.contains(table.address, Int(table.length)) else {
      object(.bufferNotInMemory)
      return nil
    }
    let count = Int(table.length) / 16
    // §2.7.5.3.1, §2.8.16: no chain is longer than the queue.
    guard count <= Int(size) else {
      object(.chainTooLong)
      return nil
    }
    return rules.isPacked
      ? readPackedTable(table, count, memory, object)
      : readSplitTable(table, count, memory, object)
  }

  private func readSplitTable(
    _ table: Descriptor,
    _ count: Int,
    _ memory: ModelMemory,
    _ object: (Violation) -> Void
  ) -> [Chain.Part]? {
    var parts: [Chain.Part] = []
    var visited: Set<Int> = []
    var index = 0
    while true {
      guard index < count else {
        object(.descriptorOutOfRange)
        return nil
      }
      guard visited.insert(index).inserted else {
        object(.chainLoops)
        return nil
      }
      let entry = Descriptor(
        table.address + 16 * UInt64(index),
        memory,
        isPacked: false
      )
      guard !entry.isIndirect else {
        object(.nestedIndirect)
        return nil
      }
      if entry.flags > 3 { object(.badDescriptorFlags) }
      guard let part = part(entry, memory, object) else { return nil }
      parts.append(part)
      guard entry.hasNext else { return parts }
      if rules.isInOrder, Int(entry.link) != index + 1 {
        object(.notInRingOrder)
      }
      index = Int(entry.link)
    }
  }

  /// §2.8.8: all entries count, in order; only WRITE may be set.
  private func readPackedTable(
    _ table: Descriptor,
    _ count: Int,
    _ memory: ModelMemory,
    _ object: (Violation) -> Void
  ) -> [Chain.Part]? {
    var parts: [Chain.Part] = []
    for index in 0..<count {
      let entry = Descriptor(
        table.address + 16 * UInt64(index),
        memory,
        isPacked: true
      )
      guard !entry.isIndirect else {
        object(.nestedIndirect)
        return nil
      }
      if entry.flags & ~2 != 0 { object(.badDescriptorFlags) }
      guard let part = part(entry, memory, object) else { return nil }
      parts.append(part)
    }
    return parts
  }

  /// What holds of a whole chain, wherever its descriptors are.
  func checked(_ chain: Chain, _ object: (Violation) -> Void) -> Chain? {
    guard chain.parts.count <= Int(size) else {
      object(.chainTooLong)
      return nil
    }
    // §2.7.4.2, §2.8.15.2
    let firstWritable = chain.parts.firstIndex { $0.isWritable }
    let lastReadable = chain.parts.lastIndex { !$0.isWritable }
    if let firstWritable, let lastReadable, firstWritable < lastReadable {
      object(.readableAfterWritable)
    }
    return chain
  }
}
