import Packets

/// The header of an Ethernet frame. RFC 894, IEEE 802.3-2018 §3.1.1.
///
///     0             6             12     14
///     | destination |   source    | type | payload, padded to 46 bytes
struct EthernetHeader: Equatable, Sendable {
  private enum Field {
    static let destination = 0
    static let source = 6
    static let etherType = 12
  }

  /// What the payload is. IEEE 802 numbers; RFC 9542 §3.
  enum EtherType {
    static let ipv4: UInt16 = 0x0800
    static let arp: UInt16 = 0x0806
  }

  /// The header's size in bytes.
  static let size = 14

  var destination: MACAddress
  var source: MACAddress
  /// One of ``EtherType``, or another.
  var etherType: UInt16

  init(destination: MACAddress, source: MACAddress, etherType: UInt16) {
    self.destination = destination
    self.source = source
    self.etherType = etherType
  }

  /// Reads the header at the front of `frame`.
  init(parsing frame: RawSpan) throws(DropReason) {
    guard frame.byteCount >= Self.size else {
      throw DropReason.frameTruncated
    }
    destination = frame.macAddress(at: Field.destination)
    source = frame.macAddress(at: Field.source)
    etherType = frame.bigEndian(at: Field.etherType)
  }

  /// Writes the header to the front of `frame`.
  func write(to frame: inout MutableRawSpan) {
    frame.store(destination, at: Field.destination)
    frame.store(source, at: Field.source)
    frame.storeBigEndian(etherType, at: Field.etherType)
  }
}
