/// An entry of a function's capability list. PCI 3.0 §6.7.
public struct Capability: Hashable, Sendable {
  /// What it is for: PCI Code and ID Assignment 1.0 §2.
  public let identifier: UInt8
  /// Where it begins in the configuration space, a multiple of 4.
  public let offset: Int

  /// Identifiers that are used here.
  public enum Identifier {
    /// What the vendor says it is: virtio's are of this kind.
    public static let vendorSpecific: UInt8 = 0x09
    /// MSI-X.
    public static let msix: UInt8 = 0x11
  }
}

extension ConfigurationSpace {
  /// The first byte that a capability can have: those below are the header.
  private static var firstOffset: Int { 0x40 }
  /// Each takes at least four of the bytes behind the header; a list that is
  /// longer has a loop.
  private static var mostCapabilities: Int { (size - firstOffset) / 4 }

  /// The function's capabilities, in the order of its list. A link that leads
  /// into the header or back ends the list.
  public var capabilities: [Capability] {
    // PCI 3.0 §6.2.3: bit 4 of the status register says whether there is one.
    guard read32(Register.command) >> 16 & 1 << 4 != 0 else { return [] }
    var capabilities: [Capability] = []
    // §6.7: the two low bits of a link are reserved and to be masked.
    var offset = Int(read8(Register.capabilities)) & ~3
    while offset >= Self.firstOffset,
      capabilities.count < Self.mostCapabilities,
      !capabilities.contains(where: { $0.offset == offset })
    {
      let word = read16(offset)
      capabilities.append(
        Capability(
          identifier: UInt8(truncatingIfNeeded: word),
          offset: offset
        )
      )
      offset = Int(word >> 8) & ~3
    }
    return capabilities
  }
}
