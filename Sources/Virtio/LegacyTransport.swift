import PCI

/// A device as it was before the standard: sixteen bytes of registers at the
/// first base address register, the device's configuration behind them.
/// VIRTIO 1.2 §4.1.4.10.
public struct LegacyTransport<Host: PCIHost>: Transport {
  private let host: Host
  private let registers: RegisterAddress
  private let hasVectors: Bool
  /// The bytes of the registers and of the configuration behind them.
  private let size: UInt64

  /// The device whose registers begin at its first base address register.
  ///
  /// - Parameter hasVectors: Whether MSI-X is on: that, and not whether the
  ///   device could have it, moves the configuration by four bytes.
  /// - Throws: `unsupported` when the register is absent or too small.
  init(
    _ host: Host,
    _ entry: AddressAssignment.Entry,
    hasVectors: Bool
  ) throws(VirtioError) {
    // §4.1.2.1: the ids of transitional devices, which legacy ones have too.
    // Theirs is also revision 0.
    guard 0x1000...0x103F ~= entry.function.device,
      entry.function.revision == 0,
      let register = entry.register(0), let base = register.base,
      register.size >= UInt64(LegacyRegister.configurationWithVectors),
      let range = register.range,
      register.space == .port || host.reaches(range)
    else { throw VirtioError.unsupported }
    self.host = host
    registers = base
    size = register.size
    self.hasVectors = hasVectors
  }

  /// True.
  public var isLegacy: Bool { true }
  /// Whether queues must be as large as the device says.
  public var hasFixedQueueSizes: Bool { true }

  /// See ``Transport``.
  public var status: DeviceStatus {
    get {
      DeviceStatus(rawValue: host.read8(registers + LegacyRegister.status))
    }
    nonmutating set {
      host.write8(registers + LegacyRegister.status, newValue.rawValue)
    }
  }

  /// The 32 that there are.
  public var offeredFeatures: Features {
    Features(
      rawValue: UInt64(host.read32(registers + LegacyRegister.deviceFeatures))
    )
  }

  /// See ``Transport``.
  public func accept(_ features: Features) {
    host.write32(
      registers + LegacyRegister.driverFeatures,
      UInt32(truncatingIfNeeded: features.rawValue)
    )
  }

  /// The size that the queue has: it cannot be changed.
  public func largestQueueSize(_ index: UInt16) -> UInt16 {
    host.write16(registers + LegacyRegister.queueSelect, index)
    return host.read16(registers + LegacyRegister.queueSize)
  }

  /// `nil`: there is no register that says.
  public var queueCount: UInt16? { nil }

  /// See ``Transport``. The rings lie one behind the other from the table on,
  /// as §2.7.2 has it, so that the table's page number says all.
  public func enableQueue(
    _ index: UInt16,
    _ rings: RingAddresses,
    vector: UInt16?
  ) throws(VirtioError) -> Doorbell {
    let page = rings.descriptors >> 12
    // The page number has 32 bits.
    guard rings.descriptors & 0xFFF == 0, page <= UInt64(UInt32.max) else {
      throw VirtioError.badQueue
    }
    host.write16(registers + LegacyRegister.queueSelect, index)
    guard host.read16(registers + LegacyRegister.queueSize) == rings.size,
      host.read32(registers + LegacyRegister.queueAddress) == 0
    else { throw VirtioError.badQueue }
    if let vector {
      try setVector(vector, LegacyRegister.queueVector)
    }
    host.write32(
      registers + LegacyRegister.queueAddress,
      UInt32(truncatingIfNeeded: page)
    )
    return Doorbell(
      register: registers + LegacyRegister.queueNotify,
      takesData: false
    )
  }

  /// See ``Transport``. There is no data: its feature has a bit beyond the 32.
  public func notify(_ index: UInt16, _ doorbell: Doorbell, data: UInt32?) {
    host.write16(doorbell.register, index)
  }

  /// False: the feature's bit is beyond the 32.
  public var canResetQueues: Bool { false }

  /// Throws `unsupported`.
  public func resetQueue(_ index: UInt16) throws(VirtioError) {
    throw VirtioError.unsupported
  }

  /// See ``Transport``.
  public func setConfigurationVector(_ vector: UInt16) throws(VirtioError) {
    try setVector(vector, LegacyRegister.configurationVector)
  }

  /// See ``Transport``.
  public func acknowledgeInterrupt() -> InterruptReasons {
    InterruptReasons(
      rawValue: host.read8(registers + LegacyRegister.interruptStatus)
    )
  }

  /// What of the registers is behind those that all devices have.
  public var configurationSize: Int {
    Int(min(size, 4096)) - configurationOffset
  }

  /// See ``Transport``.
  public func configuration8(_ offset: Int) -> UInt8 {
    guard offset >= 0, offset < configurationSize else { return 0 }
    return host.read8(registers + (configurationOffset + offset))
  }

  /// See ``Transport``. In the guest's own byte order, which on x86 is
  /// little-endian. §2.5.3.
  public func configuration16(_ offset: Int) -> UInt16 {
    guard offset >= 0, offset < configurationSize - 1 else { return 0 }
    return host.read16(registers + (configurationOffset + offset))
  }

  /// See ``Transport``.
  public func configuration32(_ offset: Int) -> UInt32 {
    guard offset >= 0, offset < configurationSize - 3 else { return 0 }
    return host.read32(registers + (configurationOffset + offset))
  }

  /// See ``Transport``.
  public func writeConfiguration8(_ offset: Int, _ value: UInt8) {
    guard offset >= 0, offset < configurationSize else { return }
    host.write8(registers + (configurationOffset + offset), value)
  }

  /// Always 0: there is none.
  public var configurationGeneration: UInt32 { 0 }

  /// See ``Transport``.
  public func deviceAddress(of address: UInt, byteCount: Int) -> UInt64 {
    host.deviceAddress(of: address, byteCount: byteCount)
  }

  private var configurationOffset: Int {
    hasVectors
      ? LegacyRegister.configurationWithVectors
      : LegacyRegister.configuration
  }

  /// §4.1.5.1.2: a vector that reads back as none was refused.
  private func setVector(
    _ vector: UInt16,
    _ register: Int
  ) throws(VirtioError) {
    host.write16(registers + register, vector)
    guard host.read16(registers + register) == vector else {
      throw VirtioError.noVector
    }
  }
}

/// VIRTIO 1.2 §4.1.4.10.
enum LegacyRegister {
  static let deviceFeatures = 0
  static let driverFeatures = 4
  static let queueAddress = 8
  static let queueSize = 12
  static let queueSelect = 14
  static let queueNotify = 16
  static let status = 18
  static let interruptStatus = 19
  static let configuration = 20
  static let configurationVector = 20
  static let queueVector = 22
  static let configurationWithVectors = 24
}
