import PCI

/// A device by the standard: four structures of registers, each where a
/// capability says. VIRTIO 1.2 §4.1.4.
public struct ModernTransport<Host: PCIHost>: Transport {
  private let host: Host
  private let common: RegisterAddress
  /// The bytes of the common structure: later versions have more.
  private let commonLength: UInt64
  private let interruptStatus: RegisterAddress
  private let device: RegisterRange?
  private let notifications: RegisterRange
  private let notifyMultiplier: UInt32

  /// The device whose capabilities name all structures that it must have.
  ///
  /// - Throws: `unsupported` when one is missing, or is not where it says.
  init(
    _ host: Host,
    _ entry: AddressAssignment.Entry
  ) throws(VirtioError) {
    let structures = DeviceStructures(host, entry)
    guard let common = structures.common,
      let interruptStatus = structures.interruptStatus,
      let notifications = structures.notifications
    else { throw VirtioError.unsupported }
    self.host = host
    self.common = common.start
    commonLength = common.length
    self.interruptStatus = interruptStatus.start
    self.notifications = notifications
    notifyMultiplier = structures.notifyMultiplier
    device = structures.device
  }

  /// False.
  public var isLegacy: Bool { false }
  /// Whether queues must be as large as the device says.
  public var hasFixedQueueSizes: Bool { false }

  /// See ``Transport``.
  public var status: DeviceStatus {
    get { DeviceStatus(rawValue: host.read8(common + CommonRegister.status)) }
    nonmutating set {
      host.write8(common + CommonRegister.status, newValue.rawValue)
    }
  }

  /// See ``Transport``.
  public var offeredFeatures: Features {
    var bits: UInt64 = 0
    for half in UInt32(0)..<2 {
      host.write32(common + CommonRegister.deviceFeatureSelect, half)
      let word = host.read32(common + CommonRegister.deviceFeature)
      bits |= UInt64(word) << UInt64(32 * half)
    }
    return Features(rawValue: bits)
  }

  /// See ``Transport``.
  public func accept(_ features: Features) {
    for half in UInt32(0)..<2 {
      host.write32(common + CommonRegister.driverFeatureSelect, half)
      host.write32(
        common + CommonRegister.driverFeature,
        UInt32(truncatingIfNeeded: features.rawValue >> UInt64(32 * half))
      )
    }
  }

  /// See ``Transport``.
  public func largestQueueSize(_ index: UInt16) -> UInt16 {
    guard index < host.read16(common + CommonRegister.queueCount) else {
      return 0
    }
    host.write16(common + CommonRegister.queueSelect, index)
    return host.read16(common + CommonRegister.queueSize)
  }

  /// See ``Transport``.
  public var queueCount: UInt16? {
    host.read16(common + CommonRegister.queueCount)
  }

  /// See ``Transport``.
  public func enableQueue(
    _ index: UInt16,
    _ rings: RingAddresses,
    vector: UInt16?
  ) throws(VirtioError) -> Doorbell {
    host.write16(common + CommonRegister.queueSelect, index)
    guard host.read16(common + CommonRegister.queueEnable) == 0 else {
      throw VirtioError.badQueue
    }
    host.write16(common + CommonRegister.queueSize, rings.size)
    write64(CommonRegister.queueDescriptors, rings.descriptors)
    write64(CommonRegister.queueDriver, rings.driverArea)
    write64(CommonRegister.queueDevice, rings.deviceArea)
    if let vector { try setVector(vector, CommonRegister.queueVector) }
    let doorbell = try findDoorbell()
    host.write16(common + CommonRegister.queueEnable, 1)
    return doorbell
  }

  /// See ``Transport``.
  public func notify(_ index: UInt16, _ doorbell: Doorbell, data: UInt32?) {
    if let data {
      host.write32(doorbell.register, data)
    } else {
      host.write16(doorbell.register, index)
    }
  }

  /// See ``Transport``.
  public var canResetQueues: Bool {
    commonLength >= UInt64(CommonRegister.sizeWithQueueReset)
  }

  /// See ``Transport``. §4.1.4.3.2: over when the register reads 0 again.
  public func resetQueue(_ index: UInt16) throws(VirtioError) {
    guard canResetQueues else { throw VirtioError.unsupported }
    host.write16(common + CommonRegister.queueSelect, index)
    host.write16(common + CommonRegister.queueReset, 1)
    try awaitQueueReset(
      isGoingOn: { host.read16(common + CommonRegister.queueReset) != 0 },
      isEnabled: { host.read16(common + CommonRegister.queueEnable) != 0 }
    )
  }

  /// See ``Transport``.
  public func setConfigurationVector(_ vector: UInt16) throws(VirtioError) {
    try setVector(vector, CommonRegister.configurationVector)
  }

  /// See ``Transport``.
  public func acknowledgeInterrupt() -> InterruptReasons {
    InterruptReasons(rawValue: host.read8(interruptStatus))
  }

  /// See ``Transport``.
  public var configurationSize: Int {
    // 32 bits, from the capability.
    Int(device?.length ?? 0)
  }

  /// See ``Transport``.
  public func configuration8(_ offset: Int) -> UInt8 {
    guard let register = device?.register(at: offset, size: 1) else {
      return 0
    }
    return host.read8(register)
  }

  /// See ``Transport``.
  public func configuration16(_ offset: Int) -> UInt16 {
    guard let register = device?.register(at: offset, size: 2) else {
      return 0
    }
    return host.read16(register)
  }

  /// See ``Transport``.
  public func configuration32(_ offset: Int) -> UInt32 {
    guard let register = device?.register(at: offset, size: 4) else {
      return 0
    }
    return host.read32(register)
  }

  /// See ``Transport``.
  public func writeConfiguration8(_ offset: Int, _ value: UInt8) {
    guard let register = device?.register(at: offset, size: 1) else { return }
    host.write8(register, value)
  }

  /// See ``Transport``.
  public var configurationGeneration: UInt32 {
    UInt32(host.read8(common + CommonRegister.configurationGeneration))
  }

  /// See ``Transport``.
  public func deviceAddress(of address: UInt, byteCount: Int) -> UInt64 {
    host.deviceAddress(of: address, byteCount: byteCount)
  }

  /// §4.1.4.4: each queue has its offset, in units that the capability gives.
  private func findDoorbell() throws(VirtioError) -> Doorbell {
    let offset = host.read16(common + CommonRegister.queueNotifyOffset)
    let bytes = UInt64(offset) * UInt64(notifyMultiplier)
    guard bytes <= UInt64(UInt32.max),
      let register = notifications.register(at: Int(bytes), size: 2)
    else { throw VirtioError.badQueue }
    // §4.1.4.4.1: with data the register has 32 bits, at a multiple of 4.
    let wide = notifications.register(at: Int(bytes), size: 4)
    return Doorbell(
      register: register,
      takesData: wide != nil && register.address & 3 == 0
    )
  }

  /// §4.1.3.1: 64 bits are two accesses of 32.
  private func write64(_ register: Int, _ value: UInt64) {
    host.write32(common + register, UInt32(truncatingIfNeeded: value))
    host.write32(
      common + (register + 4),
      UInt32(truncatingIfNeeded: value >> 32)
    )
  }

  /// §4.1.5.1.2: a vector that reads back as none was refused.
  private func setVector(
    _ vector: UInt16,
    _ register: Int
  ) throws(VirtioError) {
    host.write16(common + register, vector)
    guard host.read16(common + register) == vector else {
      throw VirtioError.noVector
    }
  }
}

/// VIRTIO 1.2 §4.1.4.3.
enum CommonRegister {
  static let deviceFeatureSelect = 0
  static let deviceFeature = 4
  static let driverFeatureSelect = 8
  static let driverFeature = 12
  static let configurationVector = 16
  static let queueCount = 18
  static let status = 20
  static let configurationGeneration = 21
  static let queueSelect = 22
  static let queueSize = 24
  static let queueVector = 26
  static let queueEnable = 28
  static let queueNotifyOffset = 30
  static let queueDescriptors = 32
  static let queueDriver = 40
  static let queueDevice = 48
  static let queueReset = 58
  /// The bytes that all drivers need.
  static let size = 56
  /// The bytes up to the end of queue_reset.
  static let sizeWithQueueReset = 60
}
