/// How far driver and device are. VIRTIO 1.2 §2.1.
public struct DeviceStatus: OptionSet, Hashable, Sendable {
  /// The bits of the status register.
  public let rawValue: UInt8

  /// The status whose bits are `rawValue`.
  public init(rawValue: UInt8) { self.rawValue = rawValue }

  /// The device has been seen (ACKNOWLEDGE).
  public static let acknowledge = DeviceStatus(rawValue: 1)
  /// A driver for it is there (DRIVER).
  public static let driver = DeviceStatus(rawValue: 2)
  /// The driver is ready (DRIVER_OK).
  public static let driverOK = DeviceStatus(rawValue: 4)
  /// The features are agreed on (FEATURES_OK).
  public static let featuresOK = DeviceStatus(rawValue: 8)
  /// The device cannot go on without a reset (DEVICE_NEEDS_RESET).
  public static let needsReset = DeviceStatus(rawValue: 64)
  /// The driver has given up (FAILED).
  public static let failed = DeviceStatus(rawValue: 128)
}
