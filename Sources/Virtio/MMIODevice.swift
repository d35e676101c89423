import PCI

/// A memory-mapped device that says that it is one. VIRTIO 1.2 §4.2.2.
public struct MMIODevice: Hashable, Sendable {
  /// What is at the addresses where a device is said to be.
  public enum Finding: Hashable, Sendable {
    /// A device.
    case device(MMIODevice)
    /// A place for a device, with none in it: to be passed over silently.
    case placeholder
    /// Nothing that says it is a virtio device, or too few registers for one.
    case nothing
    /// A device of a version that there was not when this was written.
    case unknownVersion(UInt32)
  }

  /// Its registers, and its own configuration behind them.
  let registers: RegisterRange
  /// Whether it is of version 1, from before the standard. §4.2.4.
  let isLegacy: Bool
  /// What kind of device it is. §5.
  public let kind: UInt32

  /// Looks what is at `addresses`, which must be mapped. The registers are read
  /// in the order that §4.2.3.1.1 gives, and no others.
  public static func find<Host: PCIHost>(
    at addresses: Range<UInt64>,
    _ host: Host
  ) -> Finding {
    let start = RegisterAddress(space: .memory, address: addresses.lowerBound)
    // §4.2.2.2: accesses are of 32 bits and aligned.
    guard addresses.lowerBound & 3 == 0,
      addresses.count >= MMIORegister.configuration,
      host.read32(start + MMIORegister.magic) == MMIORegister.expectedMagic
    else { return .nothing }
    let version = host.read32(start + MMIORegister.version)
    guard 1...2 ~= version else { return .unknownVersion(version) }
    let kind = host.read32(start + MMIORegister.deviceID)
    guard kind != 0 else { return .placeholder }
    return .device(
      MMIODevice(
        registers: RegisterRange(
          start: start,
          length: UInt64(addresses.count)
        ),
        isLegacy: version == 1,
        kind: kind
      )
    )
  }
}

/// VIRTIO 1.2 §4.2.2, and §4.2.4 for those of version 1 alone.
enum MMIORegister {
  static let magic = 0x000
  static let version = 0x004
  static let deviceID = 0x008
  static let deviceFeatures = 0x010
  static let deviceFeatureSelect = 0x014
  static let driverFeatures = 0x020
  static let driverFeatureSelect = 0x024
  /// Version 1.
  static let guestPageSize = 0x028
  static let queueSelect = 0x030
  static let queueSizeMax = 0x034
  static let queueSize = 0x038
  /// Version 1.
  static let queueAlign = 0x03C
  /// Version 1.
  static let queuePageNumber = 0x040
  static let queueReady = 0x044
  static let queueNotify = 0x050
  static let interruptStatus = 0x060
  static let interruptAcknowledge = 0x064
  static let status = 0x070
  static let queueDescriptors = 0x080
  static let queueDriver = 0x090
  static let queueDevice = 0x0A0
  static let queueReset = 0x0C0
  static let configurationGeneration = 0x0FC
  static let configuration = 0x100

  /// "virt", least significant byte first.
  static let expectedMagic: UInt32 = 0x7472_6976
}
