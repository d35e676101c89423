import PCI
import PCIModel

/// A virtio entropy device on PCI, just large enough to answer one buffer at a
/// time, truly or not. VIRTIO 1.2 §4.1, §5.4.
///
/// Its legacy registers are at base address register 0, the modern structures
/// at 4.
final class EntropyDeviceModel: ModelFunction {
  /// What it writes for an answer to a request.
  struct Answer {
    /// What it puts into the buffer.
    var bytes: [UInt8]
    /// How many bytes it says that were; `nil`: as many as they are.
    var length: UInt32?
    /// The chain that it gives back; `nil`: the one that it was given.
    var head: UInt32?
  }

  /// What the driver has asked for.
  struct Request: Equatable {
    var address: UInt64
    var length: UInt32
    var flags: UInt16
  }

  private let memory: ModelMemory
  private let isLegacy: Bool

  /// What it says to the next requests, in order; then nothing.
  var answers: [Answer] = []
  /// Whether answers wait for ``answer()``.
  var isSlow = false
  /// Whether a reset never comes to its end.
  var isStuckInReset = false
  /// Whether FEATURES_OK does not hold.
  var refusesFeatures = false
  /// The largest size of its queue.
  var queueSize: UInt16 = 8
  /// What it offers.
  var offered: UInt64 = 1 << 32 | 1 << 28 | 1 << 29

  /// All that it was asked for, and what was in the buffer then.
  private(set) var requests: [(request: Request, before: [UInt8])] = []
  private(set) var accepted: UInt64 = 0
  private(set) var status: UInt8 = 0x07
  private(set) var statuses: [UInt8] = []
  private(set) var vector: UInt16 = 0xFFFF

  private var featureSelect: UInt32 = 0
  private var size: UInt16 = 8
  private var descriptors: UInt64 = 0
  private var driverArea: UInt64 = 0
  private var deviceArea: UInt64 = 0
  private var isEnabled = false
  private var seen: UInt16 = 0
  private var used: UInt16 = 0
  private var waiting: [UInt16] = []

  init(in machine: ModelMachine, isLegacy: Bool) {
    memory = machine.memory
    self.isLegacy = isLegacy
    super.init(
      vendor: 0x1AF4,
      device: isLegacy ? 0x1005 : 0x1044,
      classCode: 0x00FF00
    )
    if isLegacy {
      bytes[0x08] = 0
      add(0, BaseAddress(.io, size: 32), at: 0xC080)
      return
    }
    bytes[0x08] = 1
    add(4, BaseAddress(.memory64, size: 0x4000), at: 0xFEBD_0000)
    addStructure(at: 0x50, kind: 1, offset: 0, length: 56)
    addStructure(at: 0x60, kind: 3, offset: 0x1000, length: 1)
    addStructure(at: 0x70, kind: 2, offset: 0x3000, length: 4)
  }

  /// §4.1.4.
  private func addStructure(
    at place: Int,
    kind: UInt8,
    offset: UInt32,
    length: UInt32
  ) {
    addCapability(9, at: place, [kind == 2 ? 20 : 16, kind, 4, 0, 0, 0])
    set32(place + 8, offset)
    set32(place + 12, length)
  }

  // MARK: Registers

  override func read(_ baseAddress: Int, _ offset: Int, width: Int) -> UInt32 {
    baseAddress == 0 ? readLegacy(offset) : readModern(offset)
  }

  override func write(_ write: Write) {
    if write.baseAddress == 0 {
      writeLegacy(write.offset, write.value)
    } else {
      writeModern(write.offset, write.value)
    }
  }

  /// §4.1.4.10.
  private func readLegacy(_ offset: Int) -> UInt32 {
    switch offset {
    case 0: UInt32(truncatingIfNeeded: offered)
    case 8: UInt32(truncatingIfNeeded: descriptors >> 12)
    case 12: UInt32(queueSize)
    case 18: UInt32(readStatus())
    default: 0
    }
  }

  private func writeLegacy(_ offset: Int, _ value: UInt32) {
    switch offset {
    case 4: accepted = UInt64(value)
    case 8:
      size = queueSize
      descriptors = UInt64(value) << 12
      driverArea = descriptors + 16 * UInt64(size)
      let end = driverArea + 6 + 2 * UInt64(size)
      deviceArea = (end + 4095) & ~4095
      isEnabled = true
    case 16: look()
    case 18: writeStatus(UInt8(truncatingIfNeeded: value))
    default: break
    }
  }

  /// §4.1.4.3.
  private func readModern(_ offset: Int) -> UInt32 {
    switch offset {
    case 4: UInt32(truncatingIfNeeded: offered >> UInt64(32 * featureSelect))
    case 18: 1
    case 20: UInt32(readStatus())
    case 24: UInt32(queueSize)
    case 26: UInt32(vector)
    case 28: isEnabled ? 1 : 0
    default: 0
    }
  }

  private func writeModern(_ offset: Int, _ value: UInt32) {
    func set(_ field: inout UInt64, upper: Bool) {
      let shift: UInt64 = upper ? 32 : 0
      field = field & ~(0xFFFF_FFFF << shift) | UInt64(value) << shift
    }
    switch offset {
    case 0, 8: featureSelect = value
    case 12: set(&accepted, upper: featureSelect == 1)
    case 20: writeStatus(UInt8(truncatingIfNeeded: value))
    case 24: size = UInt16(truncatingIfNeeded: value)
    case 26: vector = UInt16(truncatingIfNeeded: value)
    case 28: isEnabled = value == 1
    case 32, 36: set(&descriptors, upper: offset == 36)
    case 40, 44: set(&driverArea, upper: offset == 44)
    case 48, 52: set(&deviceArea, upper: offset == 52)
    case 0x3000: look()
    default: break
    }
  }

  // MARK: Status

  private func readStatus() -> UInt8 { isStuckInReset ? status | 0x40 : status }

  private func writeStatus(_ new: UInt8) {
    statuses.append(new)
    status = refusesFeatures ? new & ~8 : new
    guard new == 0 else { return }
    accepted = 0
    isEnabled = false
    (seen, used) = (0, 0)
    waiting = []
  }

  // MARK: The queue. §2.7

  /// Takes what has come available.
  private func look() {
    guard isEnabled, status & 4 != 0 else { return }
    while memory.load(driverArea + 2) != seen {
      let entry = driverArea + 4 + 2 * UInt64(seen % size)
      let head: UInt16 = memory.load(entry)
      seen &+= 1
      let base = descriptors + 16 * UInt64(head)
      let request = Request(
        address: memory.load(base),
        length: memory.load(base + 8),
        flags: memory.load(base + 12)
      )
      let before = memory.read(request.address, Int(request.length)) ?? []
      requests.append((request, before))
      waiting.append(head)
    }
    if !isSlow { answer() }
  }

  /// Answers what was asked for, as far as there are answers.
  func answer() {
    while !answers.isEmpty, !waiting.isEmpty {
      let answer = answers.removeFirst()
      let head = waiting.removeFirst()
      let address: UInt64 = memory.load(descriptors + 16 * UInt64(head))
      _ = memory.write(address, answer.bytes)
      let entry = deviceArea + 4 + 8 * UInt64(used % size)
      memory.store(answer.head ?? UInt32(head), at: entry)
      memory.store(
        answer.length ?? UInt32(answer.bytes.count),
        at: entry + 4
      )
      used &+= 1
      memory.store(used, at: deviceArea + 2)
    }
  }
}
