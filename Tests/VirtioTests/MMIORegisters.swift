import PCI

/// The registers of a memory-mapped device, and a log of how they are used:
/// written from the device's side of VIRTIO 1.2 §4.2, as strict as
/// ``NetworkDeviceModel`` but without rings.
final class MMIORegisters {
  /// What a driver must not do. §4.2.2.2, §4.2.3.
  enum Violation: Hashable {
    /// Not 32 bits, or not aligned; in the configuration, not its field's.
    case wrongWidth(UInt64)
    /// The direction is the other one, or there is no such register.
    case wrongDirection(Int)
    /// No address of the device's.
    case outside(UInt64)
    /// A register before the features word or the queue was selected.
    case notSelected(Int)
    /// A queue's registers while the device uses it.
    case queueInUse
    /// A queue before the page size; of version 1.
    case noPageSize
    /// Reasons that the device did not give.
    case acknowledgedTooMuch(UInt32)
    /// A queue that is larger than the device allows.
    case queueTooLarge
  }

  /// A queue as the driver has set it up.
  struct Queue: Equatable {
    var size: UInt32 = 0
    var addresses: [Int: UInt32] = [:]
    var align: UInt32 = 0
    var pageNumber: UInt32 = 0
    var isReady = false
    var resetReads = 0
  }

  let base: UInt64
  let version: UInt32
  var magic: UInt32 = 0x7472_6976
  var deviceID: UInt32 = 1
  var offered: UInt64 = 1 << 5 | 1 << 16 | 1 << 32
  var largestSize: UInt32 = 256
  var configuration: [UInt8] = [0x52, 0x54, 0, 1, 2, 3, 1, 0]
  var generation: UInt32 = 0
  /// Reads of the status until a reset is over; `nil`: never.
  var resetReads: Int? = 2
  /// Reads of QueueReset until it is over; `nil`: the register is not there.
  var queueResetReads: Int? = 2
  var interruptStatus: UInt32 = 0

  private(set) var violations: [Violation] = []
  private(set) var accesses: [Int] = []
  private(set) var status: UInt32 = 7
  private(set) var accepted: UInt64 = 0
  private(set) var pageSize: UInt32 = 0
  private(set) var queues = [Queue](repeating: Queue(), count: 2)
  private(set) var notifications: [UInt32] = []
  private(set) var written: [Int: UInt8] = [:]
  private var resetReadsLeft = 0
  private var deviceSelect: UInt32?
  private var driverSelect: UInt32?
  private var queueSelect: UInt32?

  init(version: UInt32, at base: UInt64 = 0xFEB0_0000) {
    self.version = version
    self.base = base
  }

  var host: MMIOHost { MMIOHost(device: self) }
  /// The addresses that the device says it has.
  var addresses: Range<UInt64> { base..<base + 0x200 }

  private var selected: Int? {
    guard let queueSelect else {
      violations.append(.notSelected(0x30))
      return nil
    }
    return Int(queueSelect) < queues.count ? Int(queueSelect) : nil
  }

  // MARK: Reading

  func read(_ address: UInt64, width: Int) -> UInt32 {
    guard let offset = offset(address, width) else { return .max }
    if offset >= 0x100 {
      return (0..<width).reduce(0) {
        let index = offset - 0x100 + $1
        let byte = index < configuration.count ? configuration[index] : 0
        return $0 | UInt32(byte) << UInt32(8 * $1)
      }
    }
    switch offset {
    case 0x000: return magic
    case 0x004: return version
    case 0x008: return deviceID
    case 0x010:
      guard let deviceSelect else { return refuse(.notSelected(offset)) }
      guard deviceSelect < 2 else { return 0 }
      return UInt32(
        truncatingIfNeeded: offered >> UInt64(32 * deviceSelect)
      )
    case 0x034: return selected == nil ? 0 : largestSize
    case 0x040 where version == 1:
      return selected.map { queues[$0].pageNumber } ?? 0
    case 0x044 where version == 2:
      return selected.map { queues[$0].isReady ? 1 : 0 } ?? 0
    case 0x060: return interruptStatus
    case 0x070: return readStatus()
    case 0x0C0 where version == 2: return readQueueReset()
    case 0x0FC where version == 2: return generation
    default: return refuse(.wrongDirection(offset))
    }
  }

  private func readStatus() -> UInt32 {
    if status == 0, resetReadsLeft > 0 {
      resetReadsLeft -= 1
      return 7
    }
    return status
  }

  private func readQueueReset() -> UInt32 {
    guard let selected, queueResetReads != nil else { return 0 }
    guard queues[selected].resetReads > 0 else { return 0 }
    queues[selected].resetReads -= 1
    if queues[selected].resetReads == 0 { queues[selected] = Queue() }
    return 1
  }

  private func refuse(_ violation: Violation) -> UInt32 {
    violations.append(violation)
    return .max
  }

  // MARK: Writing

  func write(_ address: UInt64, width: Int, _ value: UInt32) {
    guard let offset = offset(address, width) else { return }
    switch offset {
    case 0x100...: written[offset - 0x100] = UInt8(value & 0xFF)
    case 0x014: deviceSelect = value
    case 0x020:
      guard let driverSelect else {
        return violations.append(.notSelected(offset))
      }
      accepted |= UInt64(value) << UInt64(32 * driverSelect)
    case 0x024: driverSelect = value
    case 0x028 where version == 1: pageSize = value
    case 0x030: queueSelect = value
    case 0x038, 0x03C, 0x080...0x0A4: writeQueue(offset, value)
    case 0x040 where version == 1:
      if pageSize == 0 { violations.append(.noPageSize) }
      if let selected { queues[selected].pageNumber = value }
    case 0x044 where version == 2:
      if let selected { queues[selected].isReady = value == 1 }
    case 0x050: notifications.append(value)
    case 0x064:
      if value & ~interruptStatus != 0 || value & ~3 != 0 {
        violations.append(.acknowledgedTooMuch(value))
      }
      interruptStatus &= ~value
    case 0x070: writeStatus(value)
    case 0x0C0 where version == 2:
      guard let selected, let queueResetReads else { return }
      queues[selected].resetReads = queueResetReads
    default: violations.append(.wrongDirection(offset))
    }
  }

  private func writeStatus(_ value: UInt32) {
    status = value
    guard value == 0 else { return }
    if let resetReads { resetReadsLeft = resetReads } else { status = 7 }
    queues = queues.map { _ in Queue() }
    pageSize = 0
    accepted = 0
    interruptStatus = 0
  }

  private func writeQueue(_ offset: Int, _ value: UInt32) {
    guard let selected else { return }
    if queues[selected].isReady || queues[selected].pageNumber != 0 {
      violations.append(.queueInUse)
    }
    switch offset {
    case 0x038:
      if value > largestSize { violations.append(.queueTooLarge) }
      queues[selected].size = value
    case 0x03C where version == 1: queues[selected].align = value
    case 0x080, 0x084, 0x090, 0x094, 0x0A0, 0x0A4:
      if version == 1 { violations.append(.wrongDirection(offset)) }
      queues[selected].addresses[offset] = value
    default: violations.append(.wrongDirection(offset))
    }
  }

  private func offset(_ address: UInt64, _ width: Int) -> Int? {
    guard addresses.contains(address),
      address + UInt64(width) <= addresses.upperBound
    else {
      violations.append(.outside(address))
      return nil
    }
    let offset = Int(address - base)
    accesses.append(offset)
    if offset % width != 0 || offset < 0x100 && width != 4 {
      violations.append(.wrongWidth(address))
    }
    return offset
  }
}

/// A machine of nothing but one memory-mapped device.
struct MMIOHost: PCIHost {
  let device: MMIORegisters

  func readConfiguration(_ address: FunctionAddress, _ offset: Int) -> UInt32 {
    .max
  }

  func writeConfiguration(
    _ address: FunctionAddress,
    _ offset: Int,
    _ value: UInt32
  ) {}

  func read8(_ register: RegisterAddress) -> UInt8 {
    UInt8(truncatingIfNeeded: device.read(register.address, width: 1))
  }

  func read16(_ register: RegisterAddress) -> UInt16 {
    UInt16(truncatingIfNeeded: device.read(register.address, width: 2))
  }

  func read32(_ register: RegisterAddress) -> UInt32 {
    device.read(register.address, width: 4)
  }

  func write8(_ register: RegisterAddress, _ value: UInt8) {
    device.write(register.address, width: 1, UInt32(value))
  }

  func write16(_ register: RegisterAddress, _ value: UInt16) {
    device.write(register.address, width: 2, UInt32(value))
  }

  func write32(_ register: RegisterAddress, _ value: UInt32) {
    device.write(register.address, width: 4, value)
  }

  func window(_ space: AddressSpace) -> Range<UInt64> { 0..<0 }

  /// Below 2^44, where the page numbers of version 1 end.
  func deviceAddress(of address: UInt, byteCount: Int) -> UInt64 {
    UInt64(address) & 0xFFF_FFFF_FFFF
  }
}
