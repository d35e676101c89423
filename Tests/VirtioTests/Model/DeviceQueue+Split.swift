import PCIModel

/// The split format. VIRTIO 1.2 §2.7.
extension DeviceQueue {
  /// The index that the used ring has.
  var usedIndex: UInt16 { UInt16(truncatingIfNeeded: used) }

  // MARK: What the driver writes

  func availableIndex(_ memory: ModelMemory) -> UInt16 {
    memory.load(driverArea + 2)
  }

  func availableFlags(_ memory: ModelMemory) -> UInt16 {
    memory.load(driverArea)
  }

  func availableEntry(_ index: UInt16) -> UInt64 {
    driverArea + 4 + 2 * UInt64(index % size)
  }

  func descriptorAddress(_ index: UInt16) -> UInt64 {
    descriptors + 16 * UInt64(index)
  }

  /// §2.7.6: used_event is behind the available ring.
  var usedEventAddress: UInt64 { driverArea + 4 + 2 * UInt64(size) }

  /// §2.7.8: avail_event is behind the used ring.
  var availableEventAddress: UInt64 { deviceArea + 4 + 8 * UInt64(size) }

  mutating func lookSplit(
    _ memory: ModelMemory,
    _ object: (Violation) -> Void
  ) {
    let count =
      availableIndex(memory) &- UInt16(truncatingIfNeeded: seen)
    guard count <= size else { return object(.badAvailableIndex) }
    for _ in 0..<count {
      let entry = availableEntry(UInt16(truncatingIfNeeded: seen))
      let head: UInt16 = memory.load(entry)
      seen += 1
      guard let chain = readSplit(head, memory, object) else { continue }
      if rules.isInOrder {
        // §2.7.5: descriptors are used in ring order.
        let expected = chain.descriptors.indices.map {
          (nextInOrder &+ UInt16($0)) % size
        }
        if chain.descriptors != expected { object(.notInRingOrder) }
        let last = chain.descriptors.last ?? head
        nextInOrder = (last &+ 1) % size
      }
      admit(chain, memory, object)
    }
  }

  private func readSplit(
    _ head: UInt16,
    _ memory: ModelMemory,
    _ object: (Violation) -> Void
  ) -> Chain? {
    var chain = Chain(head: head, descriptors: [], parts: [])
    var index = head
    while true {
      guard index < size else {
        object(.descriptorOutOfRange)
        return nil
      }
      guard !chain.descriptors.contains(index) else {
        object(.chainLoops)
        return nil
      }
      guard !busy.contains(index) else {
        object(.descriptorInFlight)
        return nil
      }
      chain.descriptors.append(index)
      let descriptor = Descriptor(
        descriptorAddress(index),
        memory,
        isPacked: false
      )
      if descriptor.flags > 7 { object(.badDescriptorFlags) }
      if descriptor.isIndirect {
        // §2.7.5.3.1
        if descriptor.hasNext { object(.nextWithIndirect) }
        guard let parts = readTable(descriptor, memory, object) else {
          return nil
        }
        chain.parts += parts
      } else {
        guard let part = part(descriptor, memory, object) else { return nil }
        chain.parts.append(part)
        if descriptor.hasNext {
          index = descriptor.link
          continue
        }
      }
      return checked(chain, object)
    }
  }

  // MARK: What the device writes

  mutating func useSplit(
    _ chains: [(Chain, UInt32)],
    _ memory: ModelMemory
  ) {
    for (chain, length) in chains {
      writeUsedEntry(UInt32(chain.head), length: length, at: used, memory)
      used += 1
    }
    publishUsedIndex(memory)
  }

  func writeUsedEntry(
    _ identifier: UInt32,
    length: UInt32,
    at position: Int,
    _ memory: ModelMemory
  ) {
    let slot = UInt64(UInt16(truncatingIfNeeded: position) % size)
    let entry = deviceArea + 4 + 8 * slot
    memory.store(identifier, at: entry)
    memory.store(length, at: entry + 4)
  }

  func publishUsedIndex(_ memory: ModelMemory) {
    memory.store(usedIndex, at: deviceArea + 2)
  }

  /// Writes an entry of the used ring, true or not.
  mutating func use(
    identifier: UInt32,
    length: UInt32,
    _ memory: ModelMemory
  ) {
    if rules.isPacked {
      let id = UInt16(truncatingIfNeeded: identifier)
      writeUsedSlot(id: id, length: length, at: used, memory)
    } else {
      writeUsedEntry(identifier, length: length, at: used, memory)
    }
    used += 1
    if !rules.isPacked { publishUsedIndex(memory) }
  }

  /// Writes the index of the used ring, true or not.
  mutating func setUsedIndex(_ index: UInt16, _ memory: ModelMemory) {
    used += Int(index &- usedIndex)
    signalled = used
    publishUsedIndex(memory)
  }
}
