import PCI

/// How a driver reaches a device: all that differs between legacy PCI, modern
/// PCI and memory-mapped devices. Nothing above knows which it has.
/// VIRTIO 1.2 §4.
public protocol Transport: AddressMapping {
  /// Whether the device is driven as before the standard: another layout of
  /// the rings and of the packet header, and no FEATURES_OK.
  var isLegacy: Bool { get }
  /// Whether queues must be as large as the device says. §4.1.5.1.3.1: legacy
  /// devices on PCI have no register for another size.
  var hasFixedQueueSizes: Bool { get }
  /// How far driver and device are; writing 0 resets the device. §2.1.
  var status: DeviceStatus { get nonmutating set }
  /// The features that the device offers. §2.2.
  var offeredFeatures: Features { get }
  /// Tells the device which of them the driver accepts. §2.2.
  func accept(_ features: Features)
  /// The most descriptors that queue `index` may have; 0 when there is none.
  func largestQueueSize(_ index: UInt16) -> UInt16
  /// How many queues the device has, where it says so; elsewhere a queue that
  /// is not there has the largest size 0. §4.1.4.3 (num_queues).
  var queueCount: UInt16? { get }
  /// Lets the device use queue `index` at these addresses, and interrupt by
  /// `vector` of its MSI-X table, if that is given. §4.1.5.1.3.
  ///
  /// The queue may be smaller than ``largestQueueSize(_:)`` says, except on
  /// legacy PCI, where the device cannot be told.
  ///
  /// - Returns: Where notifications of the queue are written.
  func enableQueue(
    _ index: UInt16,
    _ rings: RingAddresses,
    vector: UInt16?
  ) throws(VirtioError) -> Doorbell
  /// Tells the device that queue `index` has new buffers. §4.1.5.2.
  ///
  /// - Parameter data: Where the queue is, when VIRTIO_F_NOTIFICATION_DATA was
  ///   agreed on: all that is written then. §2.9. Only for a doorbell that
  ///   ``Doorbell/takesData``.
  func notify(_ index: UInt16, _ doorbell: Doorbell, data: UInt32?)
  /// Whether the registers for ``resetQueue(_:)`` are there. When they are not,
  /// VIRTIO_F_RING_RESET must not be accepted.
  var canResetQueues: Bool { get }
  /// Takes queue `index` back from the device, which uses nothing of it any
  /// more afterwards; it may be enabled again, with another size too. §2.6.1.
  ///
  /// - Precondition: VIRTIO_F_RING_RESET was agreed on.
  /// - Throws: `resetFailed` when the device does not come to it, `unsupported`
  ///   where there is no such register.
  func resetQueue(_ index: UInt16) throws(VirtioError)
  /// Lets the device interrupt by `vector` when its configuration changes.
  func setConfigurationVector(_ vector: UInt16) throws(VirtioError)
  /// Reads why the device interrupted by its line, and takes the line back.
  /// §4.1.4.5, §4.2.3.4.
  func acknowledgeInterrupt() -> InterruptReasons
  /// Whether that takes a write as well, where there is a reason. §4.2.2.
  var answersInterrupts: Bool { get }
  /// The bytes of the device's own configuration. §2.5.
  var configurationSize: Int { get }
  /// The byte at `offset` of the device's own configuration; 0 behind its end.
  func configuration8(_ offset: Int) -> UInt8
  /// The 16 bits at `offset` of it; 0 behind its end.
  func configuration16(_ offset: Int) -> UInt16
  /// The 32 bits at `offset` of it; 0 behind its end.
  func configuration32(_ offset: Int) -> UInt32
  /// Writes the byte at `offset` of it; nothing behind its end. §2.5: a driver
  /// writes only what its device's chapter calls writable.
  func writeConfiguration8(_ offset: Int, _ value: UInt8)
  /// A number that changes when the configuration does; always 0 where there
  /// is none. §2.5.1.
  var configurationGeneration: UInt32 { get }
}

/// Where the parts of a queue are. VIRTIO 1.2 §2.7.
public struct RingAddresses: Hashable, Sendable {
  /// The number of descriptors.
  public let size: UInt16
  /// The descriptor table.
  public let descriptors: UInt64
  /// What the driver writes (the available ring).
  public let driverArea: UInt64
  /// What the device writes (the used ring).
  public let deviceArea: UInt64
}

/// Where notifications of a queue are written; found once, because asking costs
/// an exit each.
public struct Doorbell: Hashable, Sendable {
  let register: RegisterAddress
  /// Whether it has the 32 bits that notification data takes. §4.1.4.4.1.
  public let takesData: Bool
}

/// Why a device interrupted. VIRTIO 1.2 §4.1.4.5.
public struct InterruptReasons: OptionSet, Sendable {
  /// The bits of the ISR status.
  public let rawValue: UInt8

  /// The reasons whose bits are `rawValue`.
  public init(rawValue: UInt8) { self.rawValue = rawValue }

  /// A queue has used buffers.
  public static let queue = InterruptReasons(rawValue: 1)
  /// The configuration changed.
  public static let configuration = InterruptReasons(rawValue: 2)
}

extension Transport {
  /// On PCI the read is all that it takes. §4.1.4.5.
  public var answersInterrupts: Bool { false }

  /// Resets the device and waits until it has. §2.4, §4.1.4.3.2.
  ///
  /// - Throws: `resetFailed` when it does not come to it; then the device may
  ///   still use what it was given.
  func reset() throws(VirtioError) {
    status = []
    for _ in 0..<VirtioLimits.resetReads where status.isEmpty { return }
    throw VirtioError.resetFailed
  }

  /// Waits until a queue's reset is over: until it is not going on any more,
  /// and then the queue must be disabled. A device that offers the feature
  /// without having the register shows at once that it is not.
  ///
  /// - Throws: `resetFailed` when it is never over, or nothing came of it.
  func awaitQueueReset(
    isGoingOn: () -> Bool,
    isEnabled: () -> Bool
  ) throws(VirtioError) {
    for _ in 0..<VirtioLimits.resetReads where !isGoingOn() {
      guard !isEnabled() else { throw VirtioError.resetFailed }
      return
    }
    throw VirtioError.resetFailed
  }

  /// Reads configuration of more than one access so that it is of one moment:
  /// by the generation where there is one, and until two readings agree where
  /// there is none. §2.5.1, §2.5.3.
  func consistent<Value: Equatable>(_ read: (Self) -> Value) -> Value {
    var generation = configurationGeneration
    var value = read(self)
    for _ in 0..<VirtioLimits.configurationReads {
      let nextGeneration = configurationGeneration
      if !isLegacy, nextGeneration == generation { return value }
      let nextValue = read(self)
      if isLegacy, nextValue == value { return value }
      generation = nextGeneration
      value = nextValue
    }
    // A device that never stops changing: the last reading is as good as any.
    return value
  }
}
