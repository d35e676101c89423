import PCI

/// A device, driven in one of the three ways there are.
public enum DeviceTransport<Host: PCIHost>: Transport {
  /// How a PCI device that can be driven both ways is driven.
  public enum Choice: Hashable, Sendable {
    /// By the standard where the device can, as before it otherwise.
    case automatic
    /// As before the standard only.
    case legacy
    /// By the standard only.
    case modern
  }

  /// On PCI, as before the standard.
  case legacy(LegacyTransport<Host>)
  /// On PCI, by the standard.
  case modern(ModernTransport<Host>)
  /// Not on a bus.
  case memoryMapped(MMIOTransport<Host>)

  /// The PCI device of `entry`: modern when its capabilities name all that
  /// takes, legacy otherwise. VIRTIO 1.2 §4.1.2.
  ///
  /// - Parameters:
  ///   - hasVectors: Whether its MSI-X is on.
  ///   - choice: Which way is wanted.
  /// - Throws: `unsupported` when it cannot be driven so.
  public init(
    _ host: Host,
    _ entry: AddressAssignment.Entry,
    hasVectors: Bool,
    choice: Choice = .automatic
  ) throws(VirtioError) {
    guard choice != .legacy else {
      self = .legacy(
        try LegacyTransport(host, entry, hasVectors: hasVectors)
      )
      return
    }
    // Not by the device's id, which §4.1.2.1 lets a transitional device keep:
    // it has both, and is driven as modern.
    let modern: ModernTransport<Host>
    do throws(VirtioError) {
      modern = try ModernTransport(host, entry)
    } catch {
      guard choice == .automatic else { throw error }
      self = .legacy(
        try LegacyTransport(host, entry, hasVectors: hasVectors)
      )
      return
    }
    if choice == .automatic,
      let legacy = try? LegacyTransport(host, entry, hasVectors: hasVectors),
      Self.isLegacyDevice(modern)
    {
      self = .legacy(legacy)
    } else {
      self = .modern(modern)
    }
  }

  /// §2.2.3: a device that does not offer VERSION_1 is a legacy one, whatever
  /// capabilities it has.
  private static func isLegacyDevice(
    _ transport: ModernTransport<Host>
  ) -> Bool {
    // Features are to be read behind steps 1 to 3 of §3.1.1. A device that does
    // not come to rest fails again when it is started.
    do throws(VirtioError) {
      try transport.reset()
    } catch {
      return false
    }
    transport.status = [.acknowledge]
    transport.status = [.acknowledge, .driver]
    return !transport.offeredFeatures.contains(.version1)
  }

  /// The memory-mapped device `device`.
  public init(_ host: Host, _ device: MMIODevice) {
    self = .memoryMapped(MMIOTransport(host, device))
  }

  /// What the console and the status page call it.
  public var name: StaticString {
    switch self {
    case .legacy: "legacy PCI"
    case .modern: "modern PCI"
    case .memoryMapped(let transport):
      transport.isLegacy ? "legacy mmio" : "modern mmio"
    }
  }

  /// See ``Transport``.
  public var isLegacy: Bool {
    switch self {
    case .legacy: true
    case .modern: false
    case .memoryMapped(let transport): transport.isLegacy
    }
  }

  /// Whether queues must be as large as the device says.
  public var hasFixedQueueSizes: Bool {
    switch self {
    case .legacy: true
    case .modern: false
    case .memoryMapped(let transport): transport.hasFixedQueueSizes
    }
  }

  /// See ``Transport``.
  public var status: DeviceStatus {
    get {
      switch self {
      case .legacy(let transport): transport.status
      case .modern(let transport): transport.status
      case .memoryMapped(let transport): transport.status
      }
    }
    nonmutating set {
      switch self {
      case .legacy(let transport): transport.status = newValue
      case .modern(let transport): transport.status = newValue
      case .memoryMapped(let transport): transport.status = newValue
      }
    }
  }

  /// See ``Transport``.
  public var offeredFeatures: Features {
    switch self {
    case .legacy(let transport): transport.offeredFeatures
    case .modern(let transport): transport.offeredFeatures
    case .memoryMapped(let transport): transport.offeredFeatures
    }
  }

  /// See ``Transport``.
  public func accept(_ features: Features) {
    switch self {
    case .legacy(let transport): transport.accept(features)
    case .modern(let transport): transport.accept(features)
    case .memoryMapped(let transport): transport.accept(features)
    }
  }

  /// See ``Transport``.
  public func largestQueueSize(_ index: UInt16) -> UInt16 {
    switch self {
    case .legacy(let transport): transport.largestQueueSize(index)
    case .modern(let transport): transport.largestQueueSize(index)
    case .memoryMapped(let transport): transport.largestQueueSize(index)
    }
  }

  /// See ``Transport``.
  public var queueCount: UInt16? {
    switch self {
    case .legacy(let transport): transport.queueCount
    case .modern(let transport): transport.queueCount
    case .memoryMapped(let transport): transport.queueCount
    }
  }

  /// See ``Transport``.
  public func enableQueue(
    _ index: UInt16,
    _ rings: RingAddresses,
    vector: UInt16?
  ) throws(VirtioError) -> Doorbell {
    switch self {
    case .legacy(let transport):
      try transport.enableQueue(index, rings, vector: vector)
    case .modern(let transport):
      try transport.enableQueue(index, rings, vector: vector)
    case .memoryMapped(let transport):
      try transport.enableQueue(index, rings, vector: vector)
    }
  }

  /// See ``Transport``.
  public func notify(_ index: UInt16, _ doorbell: Doorbell, data: UInt32?) {
    switch self {
    case .legacy(let transport): transport.notify(index, doorbell, data: data)
    case .modern(let transport): transport.notify(index, doorbell, data: data)
    case .memoryMapped(let transport):
      transport.notify(index, doorbell, data: data)
    }
  }

  /// See ``Transport``.
  public var canResetQueues: Bool {
    switch self {
    case .legacy(let transport): transport.canResetQueues
    case .modern(let transport): transport.canResetQueues
    case .memoryMapped(let transport): transport.canResetQueues
    }
  }

  /// See ``Transport``.
  public func resetQueue(_ index: UInt16) throws(VirtioError) {
    switch self {
    case .legacy(let transport): try transport.resetQueue(index)
    case .modern(let transport): try transport.resetQueue(index)
    case .memoryMapped(let transport): try transport.resetQueue(index)
    }
  }

  /// See ``Transport``.
  public func setConfigurationVector(_ vector: UInt16) throws(VirtioError) {
    switch self {
    case .legacy(let transport): try transport.setConfigurationVector(vector)
    case .modern(let transport): try transport.setConfigurationVector(vector)
    case .memoryMapped(let transport):
      try transport.setConfigurationVector(vector)
    }
  }

  /// See ``Transport``.
  public func acknowledgeInterrupt() -> InterruptReasons {
    switch self {
    case .legacy(let transport): transport.acknowledgeInterrupt()
    case .modern(let transport): transport.acknowledgeInterrupt()
    case .memoryMapped(let transport): transport.acknowledgeInterrupt()
    }
  }

  /// See ``Transport``.
  public var answersInterrupts: Bool {
    switch self {
    case .legacy(let transport): transport.answersInterrupts
    case .modern(let transport): transport.answersInterrupts
    case .memoryMapped(let transport): transport.answersInterrupts
    }
  }

  /// See ``Transport``.
  public var configurationSize: Int {
    switch self {
    case .legacy(let transport): transport.configurationSize
    case .modern(let transport): transport.configurationSize
    case .memoryMapped(let transport): transport.configurationSize
    }
  }

  /// See ``Transport``.
  public func configuration8(_ offset: Int) -> UInt8 {
    switch self {
    case .legacy(let transport): transport.configuration8(offset)
    case .modern(let transport): transport.configuration8(offset)
    case .memoryMapped(let transport): transport.configuration8(offset)
    }
  }

  /// See ``Transport``.
  public func configuration16(_ offset: Int) -> UInt16 {
    switch self {
    case .legacy(let transport): transport.configuration16(offset)
    case .modern(let transport): transport.configuration16(offset)
    case .memoryMapped(let transport): transport.configuration16(offset)
    }
  }

  /// See ``Transport``.
  public func configuration32(_ offset: Int) -> UInt32 {
    switch self {
    case .legacy(let transport): transport.configuration32(offset)
    case .modern(let transport): transport.configuration32(offset)
    case .memoryMapped(let transport): transport.configuration32(offset)
    }
  }

  /// See ``Transport``.
  public func writeConfiguration8(_ offset: Int, _ value: UInt8) {
    switch self {
    case .legacy(let transport): transport.writeConfiguration8(offset, value)
    case .modern(let transport): transport.writeConfiguration8(offset, value)
    case .memoryMapped(let transport):
      transport.writeConfiguration8(offset, value)
    }
  }

  /// See ``Transport``.
  public var configurationGeneration: UInt32 {
    switch self {
    case .legacy(let transport): transport.configurationGeneration
    case .modern(let transport): transport.configurationGeneration
    case .memoryMapped(let transport): transport.configurationGeneration
    }
  }

  /// See ``Transport``.
  public func deviceAddress(of address: UInt, byteCount: Int) -> UInt64 {
    switch self {
    case .legacy(let transport):
      transport.deviceAddress(of: address, byteCount: byteCount)
    case .modern(let transport):
      transport.deviceAddress(of: address, byteCount: byteCount)
    case .memoryMapped(let transport):
      transport.deviceAddress(of: address, byteCount: byteCount)
    }
  }
}
