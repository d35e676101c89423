import PCIModel

/// A split queue from the device's side. VIRTIO 1.2 §2.7.
struct DeviceQueue {
  /// A chain that the driver has made available.
  struct Chain {
    struct Part: Equatable {
      var address: UInt64
      var length: Int
      var isWritable: Bool
    }

    var head: UInt16
    var descriptors: [UInt16]
    var parts: [Part]

    var length: Int { parts.reduce(0) { $0 + $1.length } }
  }

  /// The most descriptors that the device allows.
  let largestSize: UInt16
  var size: UInt16
  var descriptors: UInt64 = 0
  var driverArea: UInt64 = 0
  var deviceArea: UInt64 = 0
  var isEnabled = false
  var vector: UInt16 = 0xFFFF

  /// The next entry of the driver area to look at.
  private(set) var seenIndex: UInt16 = 0
  private(set) var usedIndex: UInt16 = 0
  /// Chains that the device has and has not used yet, oldest first.
  private(set) var waiting: [Chain] = []
  private var busy: Set<UInt16> = []

  init(largestSize: UInt16) {
    self.largestSize = largestSize
    size = largestSize
  }

  mutating func reset() { self = DeviceQueue(largestSize: largestSize) }

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

  /// Takes what has come available; calls `object` for what may not be.
  mutating func look(
    _ memory: ModelMemory,
    object: (Violation) -> Void
  ) {
    let flags = availableFlags(memory)
    if flags > 1 { object(.badAvailableFlags) }
    let available = availableIndex(memory)
    guard available &- seenIndex <= size else {
      object(.badAvailableIndex)
      return
    }
    while seenIndex != available {
      let head: UInt16 = memory.load(availableEntry(seenIndex))
      seenIndex &+= 1
      guard let chain = read(head, memory, object) else { continue }
      busy.formUnion(chain.descriptors)
      waiting.append(chain)
    }
  }

  private func read(
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
      let base = descriptorAddress(index)
      let part = Chain.Part(
        address: memory.load(base),
        length: Int(memory.load(base + 8, as: UInt32.self)),
        isWritable: memory.load(base + 12, as: UInt16.self) & 2 != 0
      )
      let flags: UInt16 = memory.load(base + 12)
      if flags > 3 { object(.badDescriptorFlags) }
      guard part.length > 0, memory.contains(part.address, part.length) else {
        object(.bufferNotInMemory)
        return nil
      }
      chain.descriptors.append(index)
      chain.parts.append(part)
      guard flags & 1 != 0 else { return chain }
      index = memory.load(base + 14)
    }
  }

  // MARK: What the device writes

  /// Takes the oldest chain to use it.
  mutating func next() -> Chain? {
    waiting.isEmpty ? nil : waiting.removeFirst()
  }

  /// Gives `chain` back, `length` bytes of which were written.
  mutating func use(_ chain: Chain, length: UInt32, _ memory: ModelMemory) {
    busy.subtract(chain.descriptors)
    use(identifier: UInt32(chain.head), length: length, memory)
  }

  /// Writes an entry of the used ring, true or not.
  mutating func use(
    identifier: UInt32,
    length: UInt32,
    _ memory: ModelMemory
  ) {
    let entry = deviceArea + 4 + 8 * UInt64(usedIndex % size)
    memory.store(identifier, at: entry)
    memory.store(length, at: entry + 4)
    usedIndex &+= 1
    memory.store(usedIndex, at: deviceArea + 2)
  }

  /// Writes the index of the used ring, true or not.
  mutating func setUsedIndex(_ index: UInt16, _ memory: ModelMemory) {
    usedIndex = index
    memory.store(index, at: deviceArea + 2)
  }
}
