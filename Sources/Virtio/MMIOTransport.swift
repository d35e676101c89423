import PCI

/// A device on no bus: a page of registers, the device's configuration behind
/// them, one interrupt line. VIRTIO 1.2 §4.2.
///
/// Version 1 is from before the standard and differs in how a queue is named,
/// by a page number, and in what all legacy devices lack.
public struct MMIOTransport<Host: PCIHost>: Transport {
  private let host: Host
  private let registers: RegisterRange

  /// Whether it is of version 1.
  public let isLegacy: Bool
  /// Whether queues must be as large as the device says.
  public var hasFixedQueueSizes: Bool { false }

  /// The device `device`.
  init(_ host: Host, _ device: MMIODevice) {
    self.host = host
    registers = device.registers
    isLegacy = device.isLegacy
  }

  /// See ``Transport``. The register has 32 bits, the status 8.
  public var status: DeviceStatus {
    get {
      DeviceStatus(
        rawValue: UInt8(truncatingIfNeeded: read(MMIORegister.status))
      )
    }
    nonmutating set { write(MMIORegister.status, UInt32(newValue.rawValue)) }
  }

  /// See ``Transport``. Of version 1 the lower 32, which are all it has.
  public var offeredFeatures: Features {
    var bits: UInt64 = 0
    for half in 0..<featureWords {
      write(MMIORegister.deviceFeatureSelect, half)
      bits |= UInt64(read(MMIORegister.deviceFeatures)) << UInt64(32 * half)
    }
    return Features(rawValue: bits)
  }

  /// See ``Transport``. This comes once after each reset and before the queues,
  /// and so does the page size of version 1. §4.2.4.
  public func accept(_ features: Features) {
    for half in 0..<featureWords {
      write(MMIORegister.driverFeatureSelect, half)
      write(
        MMIORegister.driverFeatures,
        UInt32(truncatingIfNeeded: features.rawValue >> UInt64(32 * half))
      )
    }
    if isLegacy {
      write(MMIORegister.guestPageSize, MMIOLegacyQueue.pageSize)
    }
  }

  /// See ``Transport``.
  public func largestQueueSize(_ index: UInt16) -> UInt16 {
    write(MMIORegister.queueSelect, UInt32(index))
    return UInt16(clamping: read(MMIORegister.queueSizeMax))
  }

  /// `nil`: there is no register that says.
  public var queueCount: UInt16? { nil }

  /// See ``Transport``. There are no vectors, so that asking for one throws
  /// `noVector`.
  public func enableQueue(
    _ index: UInt16,
    _ rings: RingAddresses,
    vector: UInt16?
  ) throws(VirtioError) -> Doorbell {
    guard vector == nil else { throw VirtioError.noVector }
    write(MMIORegister.queueSelect, UInt32(index))
    if isLegacy {
      try enableLegacyQueue(rings)
    } else {
      try enableModernQueue(rings)
    }
    return Doorbell(
      register: registers.start + MMIORegister.queueNotify,
      takesData: !isLegacy
    )
  }

  /// §4.2.3.2.
  private func enableModernQueue(
    _ rings: RingAddresses
  ) throws(VirtioError) {
    guard read(MMIORegister.queueReady) == 0,
      UInt32(rings.size) <= read(MMIORegister.queueSizeMax)
    else { throw VirtioError.badQueue }
    write(MMIORegister.queueSize, UInt32(rings.size))
    write64(MMIORegister.queueDescriptors, rings.descriptors)
    write64(MMIORegister.queueDriver, rings.driverArea)
    write64(MMIORegister.queueDevice, rings.deviceArea)
    write(MMIORegister.queueReady, 1)
  }

  /// §4.2.4: the rings lie one behind the other from the table on, as §2.7.2
  /// has it, so that the table's page number says all.
  private func enableLegacyQueue(
    _ rings: RingAddresses
  ) throws(VirtioError) {
    let pageSize = UInt64(MMIOLegacyQueue.pageSize)
    let page = rings.descriptors / pageSize
    // The page number has 32 bits, and 0 is none.
    guard rings.descriptors % pageSize == 0, page > 0,
      page <= UInt64(UInt32.max),
      read(MMIORegister.queuePageNumber) == 0,
      UInt32(rings.size) <= read(MMIORegister.queueSizeMax)
    else { throw VirtioError.badQueue }
    write(MMIORegister.queueSize, UInt32(rings.size))
    write(MMIORegister.queueAlign, MMIOLegacyQueue.pageSize)
    write(
      MMIORegister.queuePageNumber,
      UInt32(truncatingIfNeeded: page)
    )
  }

  /// See ``Transport``. All registers have 32 bits, also without data.
  public func notify(_ index: UInt16, _ doorbell: Doorbell, data: UInt32?) {
    host.write32(doorbell.register, data ?? UInt32(index))
  }

  /// Whether it is of version 2. A device may offer the feature and yet have no
  /// such register, as QEMU 7.2 does; then ``resetQueue(_:)`` throws.
  public var canResetQueues: Bool { !isLegacy }

  /// See ``Transport``. §4.2.2.2: over when the register reads 0 again.
  public func resetQueue(_ index: UInt16) throws(VirtioError) {
    guard canResetQueues else { throw VirtioError.unsupported }
    write(MMIORegister.queueSelect, UInt32(index))
    write(MMIORegister.queueReset, 1)
    try awaitQueueReset(
      isGoingOn: { read(MMIORegister.queueReset) != 0 },
      isEnabled: { read(MMIORegister.queueReady) != 0 }
    )
  }

  /// Throws `noVector`: there are none.
  public func setConfigurationVector(_ vector: UInt16) throws(VirtioError) {
    throw VirtioError.noVector
  }

  /// See ``Transport``. Bits without a meaning are neither believed nor
  /// acknowledged. §4.2.2.2.
  public func acknowledgeInterrupt() -> InterruptReasons {
    let status = read(MMIORegister.interruptStatus)
    let reasons = InterruptReasons(rawValue: UInt8(status & 3))
    if !reasons.isEmpty {
      write(MMIORegister.interruptAcknowledge, UInt32(reasons.rawValue))
    }
    return reasons
  }

  /// See ``Transport``.
  public var answersInterrupts: Bool { true }

  /// What of the registers is behind those that all devices have.
  public var configurationSize: Int {
    Int(min(registers.length, 4096)) - MMIORegister.configuration
  }

  /// See ``Transport``.
  public func configuration8(_ offset: Int) -> UInt8 {
    guard let register = configuration(offset, size: 1) else { return 0 }
    return host.read8(register)
  }

  /// See ``Transport``. Of version 1 in the guest's own byte order, which on
  /// x86 is little-endian, as that of version 2 always is. §2.5.3.
  public func configuration16(_ offset: Int) -> UInt16 {
    guard let register = configuration(offset, size: 2) else { return 0 }
    return host.read16(register)
  }

  /// See ``Transport``.
  public func configuration32(_ offset: Int) -> UInt32 {
    guard let register = configuration(offset, size: 4) else { return 0 }
    return host.read32(register)
  }

  /// See ``Transport``.
  public func writeConfiguration8(_ offset: Int, _ value: UInt8) {
    guard let register = configuration(offset, size: 1) else { return }
    host.write8(register, value)
  }

  /// See ``Transport``. Version 1 has none.
  public var configurationGeneration: UInt32 {
    isLegacy ? 0 : read(MMIORegister.configurationGeneration)
  }

  /// See ``Transport``.
  public func deviceAddress(of address: UInt, byteCount: Int) -> UInt64 {
    host.deviceAddress(of: address, byteCount: byteCount)
  }

  private var featureWords: UInt32 { isLegacy ? 1 : 2 }

  /// The register of `size` bytes of the device's own configuration, if it is
  /// within.
  private func configuration(_ offset: Int, size: Int) -> RegisterAddress? {
    guard offset >= 0, offset <= configurationSize - size else { return nil }
    return registers.start + (MMIORegister.configuration + offset)
  }

  private func read(_ register: Int) -> UInt32 {
    host.read32(registers.start + register)
  }

  private func write(_ register: Int, _ value: UInt32) {
    host.write32(registers.start + register, value)
  }

  /// Low half first, the high one at the next register.
  private func write64(_ register: Int, _ value: UInt64) {
    write(register, UInt32(truncatingIfNeeded: value))
    write(register + 4, UInt32(truncatingIfNeeded: value >> 32))
  }
}

/// What version 1 of a device counts its queues' addresses in. §4.2.4, §2.7.2.
private enum MMIOLegacyQueue {
  static let pageSize: UInt32 = 4096
}
