import Packets

/// The tag that says to which virtual LAN a frame belongs. IEEE 802.1Q-2018
/// §9.6.
///
///     0  destination   6  source   12  0x8100   14  priority, VLAN   16  type
public struct VLANTag: Hashable, Sendable {
  /// The number of the virtual LAN, 1 to 4094.
  public let identifier: UInt16

  /// The tag of a virtual LAN; `nil` for a number that none has: 0 says only
  /// the priority, 4095 is reserved. §9.6, table 9-2.
  public init?(_ identifier: UInt16) {
    guard 1...4094 ~= identifier else { return nil }
    self.identifier = identifier
  }

  /// The bytes of a tag.
  static var size: Int { 4 }
  private static var type: UInt16 { 0x8100 }
  private static var identifierMask: UInt16 { 0xFFF }

  private enum Field {
    static let type = 12
    static let information = 14
  }

  /// The least that a frame with a tag has.
  private static var smallestFrame: Int { 18 }

  /// Puts the tag into `frame`, of priority 0. What is left to the device of
  /// its checksum stays where it is: only the addresses move.
  ///
  /// - Precondition: The headroom is as large, and an Ethernet header is there.
  func put(into frame: inout PacketBuffer) {
    frame.prepend(Self.size)
    Self.moveAddresses(of: &frame, from: Self.size, to: 0)
    var bytes = frame.mutableBytes
    bytes.storeBigEndian(Self.type, at: Field.type)
    bytes.storeBigEndian(identifier, at: Field.information)
  }

  /// Takes the tag out of `frame`.
  ///
  /// - Returns: Whether it had this one; otherwise it is left as it is.
  func take(outOf frame: inout PacketBuffer) -> Bool {
    guard isIn(frame.bytes) else { return false }
    Self.moveAddresses(of: &frame, from: 0, to: Self.size)
    frame.removeFirst(Self.size)
    return true
  }

  private func isIn(_ frame: RawSpan) -> Bool {
    guard frame.byteCount >= Self.smallestFrame else { return false }
    let type = frame.bigEndian(at: Field.type, as: UInt16.self)
    let information = frame.bigEndian(at: Field.information, as: UInt16.self)
    return type == Self.type && information & Self.identifierMask == identifier
  }

  /// Moves the two addresses, 12 bytes; all are read before any is written.
  private static func moveAddresses(
    of frame: inout PacketBuffer,
    from: Int,
    to: Int
  ) {
    let (first, rest) = addresses(frame.bytes, at: from)
    var bytes = frame.mutableBytes
    bytes.storeLittleEndian(first, at: to)
    bytes.storeLittleEndian(rest, at: to + MemoryLayout<UInt64>.size)
  }

  private static func addresses(
    _ frame: RawSpan,
    at offset: Int
  ) -> (UInt64, UInt32) {
    (
      frame.littleEndian(at: offset, as: UInt64.self),
      frame.littleEndian(
        at: offset + MemoryLayout<UInt64>.size,
        as: UInt32.self
      )
    )
  }
}
