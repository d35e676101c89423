import PCIModel

/// A queue from the device's side, split (VIRTIO 1.2 §2.7) or packed (§2.8):
/// one interface, two formats behind it.
///
/// Chains come in by `look`, wait, are taken by `next`, are held, and go back
/// by one of the forms of `use`. Positions count for ever: chains of a split
/// queue, descriptors of a packed one. What a ring holds is their remainder.
struct DeviceQueue {
  /// What was agreed on for all queues.
  struct Rules: Equatable {
    var isPacked = false
    var hasIndirect = false
    var hasEventIndex = false
    var isInOrder = false
  }

  /// A chain that the driver has made available.
  struct Chain {
    struct Part: Equatable {
      var address: UInt64
      var length: Int
      var isWritable: Bool

      func overlaps(_ other: Part) -> Bool {
        address < other.address + UInt64(other.length)
          && other.address < address + UInt64(length)
      }
    }

    /// What names it when it is used: its head, or its buffer id.
    var head: UInt16
    /// The descriptors of the ring that it takes.
    var descriptors: [UInt16]
    var parts: [Part]
    /// How many chains came before.
    var number = 0
    /// What the device could read when it came.
    var contents: [UInt8] = []

    var length: Int { parts.reduce(0) { $0 + $1.length } }
    var readable: [Part] { parts.filter { !$0.isWritable } }
    var writable: [Part] { parts.filter(\.isWritable) }
    var writableLength: Int { writable.reduce(0) { $0 + $1.length } }

    /// Whether bytes that the device may write are in another chain too.
    func shares(_ other: Chain) -> Bool {
      parts.contains { part in
        other.parts.contains {
          (part.isWritable || $0.isWritable) && part.overlaps($0)
        }
      }
    }
  }

  /// The most descriptors that the device allows.
  let largestSize: UInt16
  var size: UInt16
  var descriptors: UInt64 = 0
  var driverArea: UInt64 = 0
  var deviceArea: UInt64 = 0
  var isEnabled = false
  var vector: UInt16 = 0xFFFF
  var rules = Rules()

  // MARK: Reset of this queue alone, §2.6.1

  var isResetting = false
  var resetReadsDone = 0
  /// Whether it was reset alone and may be set up again while running.
  var hasBeenReset = false

  // MARK: Positions

  /// The next position to look at.
  var seen = 0
  /// The next position to use.
  var used = 0
  /// Up to which position the device has decided whether to interrupt.
  var signalled = 0
  /// Up to which position the driver has notified.
  var notified = 0
  /// Up to which position no notification is owed, because the device asked
  /// for one only then.
  var armed = 0
  /// How many more chains may come after the next one until the device wants
  /// a notification, with event indices.
  var notifyAfter = 0
  var isSuppressed = false

  // MARK: Chains

  /// Chains that the device has not begun with, oldest first.
  var waiting: [Chain] = []
  /// Chains that it has taken and not used yet, oldest first.
  var held: [Chain] = []
  /// Descriptors of chains that the device has.
  var busy: Set<UInt16> = []
  /// All chains that ever came, and all that went back.
  var countSeen = 0
  var countUsed = 0

  /// Split: the descriptor that comes next where order was agreed on.
  var nextInOrder: UInt16 = 0
  /// Packed: the flags that each slot had when it was last looked at.
  var knownFlags: [UInt16: UInt16] = [:]
  /// Packed: slots that the driver may not change now, and their bytes.
  var lockedSlots: [UInt16: [UInt8]] = [:]

  init(largestSize: UInt16) {
    self.largestSize = largestSize
    size = largestSize
  }

  mutating func reset() { self = DeviceQueue(largestSize: largestSize) }

  /// Every chain that the device has.
  var inFlight: [Chain] { waiting + held }

  /// The bytes of the three areas. §2.7, §2.8.10.1.
  var areaSizes: (descriptors: Int, driver: Int, device: Int) {
    rules.isPacked
      ? (16 * Int(size), 4, 4)
      : (16 * Int(size), 6 + 2 * Int(size), 6 + 8 * Int(size))
  }

  /// Takes what has come available; calls `object` for what may not be.
  mutating func look(_ memory: ModelMemory, object: (Violation) -> Void) {
    checkDriverEvents(memory, object)
    if rules.isPacked {
      lookPacked(memory, object)
    } else {
      lookSplit(memory, object)
    }
    arm(memory)
  }

  /// Notes a chain that has just come.
  mutating func admit(
    _ chain: Chain,
    _ memory: ModelMemory,
    _ object: (Violation) -> Void
  ) {
    var chain = chain
    chain.number = countSeen
    countSeen += 1
    for part in chain.readable {
      chain.contents += memory.read(part.address, part.length) ?? []
    }
    // A buffer that the device may write is with it only once.
    if waiting.contains(where: chain.shares)
      || held.contains(where: chain.shares)
    {
      object(.bufferInFlight)
    }
    busy.formUnion(chain.descriptors)
    waiting.append(chain)
  }

  // MARK: What the device does

  /// Takes the oldest chain to use it.
  mutating func next() -> Chain? { next(at: 0) }

  /// Takes the chain that waits at `index`.
  mutating func next(at index: Int) -> Chain? {
    guard waiting.indices.contains(index) else { return nil }
    let chain = waiting.remove(at: index)
    held.append(chain)
    return chain
  }

  /// Puts a chain back to where it was, as if it had not been taken.
  mutating func putBack(_ chain: Chain) {
    held.removeAll { $0.number == chain.number }
    let index = waiting.firstIndex { $0.number > chain.number }
    waiting.insert(chain, at: index ?? waiting.endIndex)
  }

  /// Gives `chain` back, `length` bytes of which were written.
  mutating func use(_ chain: Chain, length: UInt32, _ memory: ModelMemory) {
    use(together: [(chain, length)], memory)
  }

  /// Gives chains back so that the driver sees all of them at once or none.
  mutating func use(
    together chains: [(Chain, UInt32)],
    _ memory: ModelMemory
  ) {
    for (chain, _) in chains { release(chain) }
    if rules.isPacked {
      usePacked(chains, memory)
    } else {
      useSplit(chains, memory)
    }
  }

  /// Gives chains back with one entry for the last of them. §2.7.9, §2.8.9.
  mutating func use(
    batch chains: [Chain],
    length: UInt32,
    _ memory: ModelMemory
  ) {
    precondition(rules.isInOrder, "batches need IN_ORDER")
    guard let last = chains.last else { return }
    for chain in chains { release(chain) }
    if rules.isPacked {
      let first = used
      writeUsedSlot(id: last.head, length: length, at: first, memory)
      used += chains.reduce(0) { $0 + $1.descriptors.count }
      unlock(first..<used)
    } else {
      writeUsedEntry(UInt32(last.head), length: length, at: used, memory)
      used += chains.count
      publishUsedIndex(memory)
    }
  }

  /// Packed: these places are the driver's again, whichever chains were there:
  /// the device has its own copy of those that are not used yet.
  mutating func unlock(_ positions: Range<Int>) {
    for position in positions { lockedSlots[slot(position)] = nil }
  }

  private mutating func release(_ chain: Chain) {
    if rules.isInOrder {
      precondition(
        !inFlight.contains { $0.number < chain.number },
        "IN_ORDER: chain \(chain.number) is used before an older one"
      )
    }
    let before = held.count
    held.removeAll { $0.number == chain.number }
    guard held.count < before else { return }
    busy.subtract(chain.descriptors)
    countUsed += 1
  }
}
