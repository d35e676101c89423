import Packets

/// A datagram of which not all parts are there.
struct PartialDatagram: ~Copyable {
  /// What the parts of one datagram have in common: RFC 791 §2.3, and that they
  /// came over one link.
  struct Key: Equatable, Sendable {
    /// `nil`: over none, from this host itself.
    let interface: Int?
    let source: IPv4Address
    let destination: IPv4Address
    let protocolNumber: UInt8
    let identification: UInt16

    init(_ header: IPv4Header, over interface: Int?) {
      self.interface = interface
      source = header.source
      destination = header.destination
      protocolNumber = header.protocolNumber
      identification = header.identification
    }
  }

  let key: Key
  /// When it is given up. RFC 791 §3.2; from the first part on, whatever comes
  /// after.
  let expiry: Instant
  /// The payload as far as it is known, each byte at its place; the header of
  /// the first part is right before it.
  var packet: PacketBuffer
  var ranges = ReceivedRanges()
  /// How long the payload is, once its last part is there.
  var payloadLength: Int?
  /// The length of the header before the payload; 0 until it is there.
  var headerLength = 0
  /// What the parts say of congestion, a bit each.
  private var codepoints: UInt8 = 0

  init(_ key: Key, in packet: consuming PacketBuffer, until expiry: Instant) {
    self.key = key
    self.packet = packet
    self.expiry = expiry
  }

  /// Whether every byte is there.
  var isWhole: Bool {
    payloadLength.map { ranges.contiguous == $0 } ?? false
  }

  mutating func note(_ ecn: ECNCodepoint) {
    codepoints |= 1 << ecn.rawValue
  }

  /// What the whole says of congestion; `nil` when the parts do not fit
  /// together. RFC 3168 §5.3.
  var ecn: ECNCodepoint? {
    let congested: UInt8 = 1 << ECNCodepoint.congestion.rawValue
    let incapable: UInt8 = 1 << ECNCodepoint.notCapable.rawValue
    if codepoints & congested != 0 {
      return codepoints & incapable != 0 ? nil : .congestion
    }
    if codepoints & incapable != 0 { return .notCapable }
    return codepoints & 1 << ECNCodepoint.capable0.rawValue != 0
      ? .capable0 : .capable1
  }

  /// Puts the bytes of a part at their place, the payload growing as it must.
  mutating func copy(_ bytes: RawSpan, to offset: Int) {
    let missing = offset + bytes.byteCount - packet.count
    if missing > 0 { packet.append(missing) }
    var target = packet.mutableBytes
    target.copy(bytes, to: offset)
  }

  /// Keeps the header of the first part right before the payload.
  mutating func keep(header: RawSpan) {
    headerLength = header.byteCount
    packet.prepend(headerLength)
    var target = packet.mutableBytes
    target.copy(header, to: 0)
    packet.removeFirst(headerLength)
  }

  /// Whether the payload has these bytes at `offset`.
  func has(_ bytes: RawSpan, at offset: Int) -> Bool {
    let known = packet.bytes
    for index in 0..<bytes.byteCount
    where known.byte(at: offset + index) != bytes.byte(at: index) {
      return false
    }
    return true
  }
}
