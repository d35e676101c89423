import PCIModel

/// The packed format. VIRTIO 1.2 §2.8.
extension DeviceQueue {
  enum PackedFlag {
    static let available: UInt16 = 1 << 7
    static let used: UInt16 = 1 << 15
  }

  /// The slot of the ring that a position is in.
  func slot(_ position: Int) -> UInt16 { UInt16(position % Int(size)) }

  /// The wrap counter at a position: 1 in the first round. §2.8.1.
  func wrap(_ position: Int) -> Bool { position / Int(size) % 2 == 0 }

  /// A position as event structures and notifications say it. §2.8.14, §2.9.
  func offsetAndWrap(_ position: Int) -> UInt16 {
    slot(position) | (wrap(position) ? 1 << 15 : 0)
  }

  private func flags(_ slot: UInt16, _ memory: ModelMemory) -> UInt16 {
    memory.load(descriptorAddress(slot) + 14)
  }

  /// Whether the descriptor at a position is the device's. §2.8.1: AVAIL as
  /// the wrap counter, USED the inverse.
  func isAvailable(_ position: Int, _ memory: ModelMemory) -> Bool {
    let flags = flags(slot(position), memory)
    let isAvailable = flags & PackedFlag.available != 0
    let isUsed = flags & PackedFlag.used != 0
    return isAvailable == wrap(position) && isUsed != wrap(position)
  }

  mutating func lookPacked(
    _ memory: ModelMemory,
    _ object: (Violation) -> Void
  ) {
    for (slot, bytes) in lockedSlots
    where memory.read(descriptorAddress(slot), 16) != bytes {
      // §2.8.13.2: not to be changed until the device has used it.
      object(.descriptorChanged)
      lockedSlots[slot] = memory.read(descriptorAddress(slot), 16)
    }
    while isAvailable(seen, memory) {
      guard seen - used < Int(size) else { return object(.ringOverrun) }
      guard readPacked(memory, object) else { return }
    }
    // The driver has set flags there, but not those of its wrap counter.
    let slot = slot(seen)
    let flags = flags(slot, memory)
    if flags != knownFlags[slot, default: 0] {
      object(.wrongWrap)
      knownFlags[slot] = flags
    }
  }

  /// Reads one chain at `seen`; says whether to go on.
  private mutating func readPacked(
    _ memory: ModelMemory,
    _ object: (Violation) -> Void
  ) -> Bool {
    var chain = Chain(head: 0, descriptors: [], parts: [])
    var isGood = true
    while true {
      guard chain.descriptors.count < Int(size) else {
        object(.chainTooLong)
        return false
      }
      let position = seen + chain.descriptors.count
      guard position - used < Int(size) else {
        object(.ringOverrun)
        return false
      }
      guard isAvailable(position, memory) else {
        // §2.8.15.1: the first one is made available after the rest.
        object(.chainIncomplete)
        return false
      }
      let index = slot(position)
      let descriptor = Descriptor(
        descriptorAddress(index),
        memory,
        isPacked: true
      )
      chain.descriptors.append(index)
      chain.head = descriptor.link
      let known = PackedFlag.available | PackedFlag.used | 7
      if descriptor.flags & ~known != 0 { object(.badDescriptorFlags) }
      if descriptor.isIndirect {
        if descriptor.hasNext {
          object(.nextWithIndirect)
        } else if chain.descriptors.count > 1 {
          object(.indirectInChain)
        }
        if let parts = readTable(descriptor, memory, object) {
          chain.parts += parts
        } else {
          isGood = false
        }
      } else if let part = part(descriptor, memory, object) {
        chain.parts.append(part)
      } else {
        isGood = false
      }
      if !descriptor.hasNext || descriptor.isIndirect { break }
    }
    for index in chain.descriptors {
      let address = descriptorAddress(index)
      lockedSlots[index] = memory.read(address, 16)
      knownFlags[index] = flags(index, memory)
    }
    seen += chain.descriptors.count
    if chain.head >= size { object(.bufferIDOutOfRange) }
    if inFlight.contains(where: { $0.head == chain.head }) {
      object(.bufferIDInFlight)
    }
    if isGood, let chain = checked(chain, object) {
      admit(chain, memory, object)
    }
    return true
  }

  // MARK: What the device writes

  mutating func usePacked(
    _ chains: [(Chain, UInt32)],
    _ memory: ModelMemory
  ) {
    let first = used
    var places: [Int] = []
    for (chain, _) in chains {
      places.append(used)
      used += chain.descriptors.count
    }
    // §2.8.10: of several, the first one is written last.
    for (place, (chain, length)) in zip(places, chains).reversed() {
      writeUsedSlot(id: chain.head, length: length, at: place, memory)
    }
    unlock(first..<used)
  }

  /// Writes a used descriptor, true or not. `flags` are those of the wrap
  /// counter unless given.
  mutating func writeUsedSlot(
    id: UInt16,
    length: UInt32,
    at position: Int,
    flags: UInt16? = nil,
    _ memory: ModelMemory
  ) {
    let slot = slot(position)
    let address = descriptorAddress(slot)
    let both = PackedFlag.available | PackedFlag.used
    // §2.8.3: WRITE says that something was written.
    let flags = flags ?? ((wrap(position) ? both : 0) | (length > 0 ? 2 : 0))
    memory.store(length, at: address + 8)
    memory.store(id, at: address + 12)
    memory.store(flags, at: address + 14)
    knownFlags[slot] = flags
    lockedSlots[slot] = nil
  }
}
