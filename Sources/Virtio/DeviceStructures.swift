import PCI

/// A stretch of registers.
struct RegisterRange: Hashable {
  let start: RegisterAddress
  /// In bytes.
  let length: UInt64

  /// Whether it begins at a multiple of `size` bytes, as §4.1.4 asks of most
  /// structures: without that no access to its fields would be one.
  func isAligned(_ size: UInt64) -> Bool { start.address % size == 0 }

  /// The register of `size` bytes at `offset`, if it is within the range.
  func register(at offset: Int, size: UInt64) -> RegisterAddress? {
    guard offset >= 0, length >= size, UInt64(offset) <= length - size else {
      return nil
    }
    return start + offset
  }
}

/// Where the structures of a modern device are, as far as its capabilities can
/// be believed. VIRTIO 1.2 §4.1.4.
///
///     0  id, next    3  kind of structure   8   offset in the register
///     2  length      4  base address register   12  length of the structure
///     16 notifications only: the multiplier
struct DeviceStructures {
  private(set) var common: RegisterRange?
  private(set) var notifications: RegisterRange?
  private(set) var notifyMultiplier: UInt32 = 0
  private(set) var interruptStatus: RegisterRange?
  private(set) var device: RegisterRange?

  private enum Field {
    static let length = 2
    static let kind = 3
    static let baseAddressRegister = 4
    static let offset = 8
    static let structureLength = 12
    static let notifyMultiplier = 16
    static let size = 16
    static let sizeWithMultiplier = 20
  }

  /// §4.1.4: cfg_type.
  private enum Kind {
    static let common: UInt8 = 1
    static let notifications: UInt8 = 2
    static let interruptStatus: UInt8 = 3
    static let device: UInt8 = 4
  }

  /// Reads the capabilities of the function. Of each kind the first that can
  /// be used wins; others are passed over, as §4.1.4.1 asks.
  init<Host: PCIHost>(_ host: Host, _ entry: AddressAssignment.Entry) {
    let space = ConfigurationSpace(
      host: host,
      address: entry.function.address
    )
    for capability in space.capabilities
    where capability.identifier == Capability.Identifier.vendorSpecific {
      read(capability.offset, space, entry)
    }
  }

  private mutating func read<Host: PCIHost>(
    _ capability: Int,
    _ space: ConfigurationSpace<Host>,
    _ entry: AddressAssignment.Entry
  ) {
    let room = ConfigurationSpace<Host>.size - capability
    guard room >= Field.size else { return }
    let length = Int(space.read8(capability + Field.length))
    guard length >= Field.size, length <= room,
      let range = range(capability, space, entry)
    else { return }
    switch space.read8(capability + Field.kind) {
    case Kind.common:
      if common == nil, range.length >= UInt64(CommonRegister.size),
        range.isAligned(4)
      {
        common = range
      }
    case Kind.notifications:
      guard notifications == nil, length >= Field.sizeWithMultiplier,
        range.length >= 2, range.isAligned(2)
      else { return }
      let multiplier = space.read32(capability + Field.notifyMultiplier)
      // §4.1.4.4.1: even, or a doorbell would lie across two.
      guard multiplier & 1 == 0 else { return }
      notifications = range
      notifyMultiplier = multiplier
    case Kind.interruptStatus:
      if interruptStatus == nil, range.length >= 1 { interruptStatus = range }
    case Kind.device:
      if device == nil, range.isAligned(4) { device = range }
    default:
      // Kinds to come, and the window for access through this space, which
      // nothing here needs.
      return
    }
  }

  /// The registers that the capability names, if they begin within a base
  /// address register that the function has: as far as they lie in it. §4.1.4.1:
  /// a length that is unexpectedly large must be coped with.
  private func range<Host: PCIHost>(
    _ capability: Int,
    _ space: ConfigurationSpace<Host>,
    _ entry: AddressAssignment.Entry
  ) -> RegisterRange? {
    let index = Int(space.read8(capability + Field.baseAddressRegister))
    let offset = UInt64(space.read32(capability + Field.offset))
    guard let register = entry.register(index), let base = register.base,
      offset < register.size
    else { return nil }
    let length = min(
      UInt64(space.read32(capability + Field.structureLength)),
      register.size - offset
    )
    // Neither can overflow in 64 bits.
    guard length > 0,
      register.space == .port
        || space.host.reaches(
          register.address + offset..<register.address + offset + length
        )
    else { return nil }
    return RegisterRange(start: base + Int(offset), length: length)
  }
}
