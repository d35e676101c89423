import PCIModel

/// The driver's side of a ring by hand, split or packed.
struct HandRing {
  typealias Part = DeviceQueue.Chain.Part

  let size: UInt16
  let isPacked: Bool
  let hasEventIndex: Bool
  let isInOrder: Bool
  let descriptors: UInt64
  let driverArea: UInt64
  let deviceArea: UInt64

  /// What was made available and not taken back, oldest first.
  private(set) var outstanding: [(id: UInt16, slots: [UInt16], parts: [Part])] =
    []
  /// Split: the available index. Packed: the position of the next descriptor.
  private(set) var available = 0
  private(set) var used = 0
  private var free: [UInt16]
  /// What `publish` has yet to write: places and flags of first descriptors.
  private var unpublished: [(UInt64, UInt16)] = []
  /// IN_ORDER: how many of the oldest are in a batch that was read already.
  private var batch: (left: Int, length: UInt32) = (0, 0)

  init(
    size: UInt16,
    isPacked: Bool,
    hasEventIndex: Bool,
    isInOrder: Bool,
    descriptors: UInt64,
    driverArea: UInt64,
    deviceArea: UInt64
  ) {
    self.size = size
    self.isPacked = isPacked
    self.hasEventIndex = hasEventIndex
    self.isInOrder = isInOrder
    self.descriptors = descriptors
    self.driverArea = driverArea
    self.deviceArea = deviceArea
    free = Array(0..<size)
  }

  /// Free descriptors; of a packed ring, slots.
  var room: Int {
    isPacked
      ? Int(size) - outstanding.reduce(0) { $0 + $1.slots.count } : free.count
  }

  /// As if so many had come and gone; only where nothing is outstanding. What
  /// the device has counted and the indices in memory are the caller's.
  mutating func skip(to position: Int) {
    (available, used) = (position, position)
  }

  func place(_ slot: UInt16) -> UInt64 { descriptors + 16 * UInt64(slot) }

  private func wrap(_ position: Int) -> Bool {
    position / Int(size) % 2 == 0
  }

  var notificationData: UInt16 {
    isPacked
      ? UInt16(available % Int(size)) | (wrap(available) ? 0x8000 : 0)
      : UInt16(truncatingIfNeeded: available)
  }

  /// Writes the descriptors of a chain; says its id.
  mutating func add(
    _ parts: [Part],
    table: UInt64?,
    _ memory: ModelMemory
  ) -> UInt16 {
    if let table { write(parts, table: table, memory) }
    let direct =
      table.map {
        [Part(address: $0, length: 16 * parts.count, isWritable: false)]
      } ?? parts
    var slots: [UInt16] = []
    let id = free[0]
    for index in direct.indices {
      slots.append(
        isPacked ? UInt16((available + index) % Int(size)) : free[index]
      )
    }
    for (index, part) in direct.enumerated() {
      let hasNext = index + 1 < direct.count
      var flags: UInt16 = hasNext ? 1 : 0
      if part.isWritable { flags |= 2 }
      if table != nil { flags |= 4 }
      let place = place(slots[index])
      memory.store(part.address, at: place)
      memory.store(UInt32(part.length), at: place + 8)
      if isPacked {
        flags |= wrap(available + index) ? 0x80 : 0x8000
        memory.store(id, at: place + 12)
        if index == 0 {
          unpublished.append((place + 14, flags))
        } else {
          memory.store(flags, at: place + 14)
        }
      } else {
        memory.store(flags, at: place + 12)
        memory.store(hasNext ? slots[index + 1] : 0, at: place + 14)
      }
    }
    if isPacked {
      free.removeFirst()
      available += slots.count
    } else {
      free.removeFirst(slots.count)
      let entry = UInt64(available % Int(size))
      memory.store(slots[0], at: driverArea + 4 + 2 * entry)
      available += 1
    }
    outstanding.append((isPacked ? id : slots[0], slots, parts))
    return isPacked ? id : slots[0]
  }

  private func write(_ parts: [Part], table: UInt64, _ memory: ModelMemory) {
    for (index, part) in parts.enumerated() {
      let place = table + 16 * UInt64(index)
      let hasNext = !isPacked && index + 1 < parts.count
      let flags: UInt16 = (hasNext ? 1 : 0) | (part.isWritable ? 2 : 0)
      memory.store(part.address, at: place)
      memory.store(UInt32(part.length), at: place + 8)
      memory.store(isPacked ? 0 : flags, at: place + 12)
      memory.store(
        isPacked ? flags : (hasNext ? UInt16(index + 1) : 0),
        at: place + 14
      )
    }
  }

  /// Lets the device see what was added.
  mutating func publish(_ memory: ModelMemory) {
    for (place, flags) in unpublished.reversed() {
      memory.store(flags, at: place)
    }
    unpublished = []
    if !isPacked {
      memory.store(UInt16(truncatingIfNeeded: available), at: driverArea + 2)
    }
  }

  /// Takes the next used chain back.
  mutating func takeUsed(
    _ memory: ModelMemory
  ) -> (id: UInt16, length: UInt32, parts: [Part])? {
    if batch.left == 0 {
      guard let (id, length) = readUsed(memory),
        let index = outstanding.firstIndex(where: { $0.id == id })
      else { return nil }
      guard isInOrder else { return remove(at: index, length) }
      batch = (index + 1, length)
    }
    batch.left -= 1
    return remove(at: 0, batch.length)
  }

  private mutating func remove(
    at index: Int,
    _ length: UInt32
  ) -> (UInt16, UInt32, [Part]) {
    let chain = outstanding.remove(at: index)
    used += isPacked ? chain.slots.count : 1
    free += isPacked ? [chain.id] : chain.slots
    return (chain.id, length, chain.parts)
  }

  private func readUsed(_ memory: ModelMemory) -> (UInt16, UInt32)? {
    if isPacked {
      let place = place(UInt16(used % Int(size)))
      let flags: UInt16 = memory.load(place + 14)
      let both: UInt16 = wrap(used) ? 0x8080 : 0
      guard flags & 0x8080 == both else { return nil }
      return (memory.load(place + 12), memory.load(place + 8))
    }
    let index: UInt16 = memory.load(deviceArea + 2)
    guard index != UInt16(truncatingIfNeeded: used) else { return nil }
    let entry = deviceArea + 4 + 8 * UInt64(used % Int(size))
    return (
      UInt16(truncatingIfNeeded: memory.load(entry, as: UInt32.self)),
      memory.load(entry + 4)
    )
  }
}

extension HandRing.Part {
  static func read(_ address: UInt64, _ length: Int) -> Self {
    Self(address: address, length: length, isWritable: false)
  }

  static func write(_ address: UInt64, _ length: Int) -> Self {
    Self(address: address, length: length, isWritable: true)
  }
}
