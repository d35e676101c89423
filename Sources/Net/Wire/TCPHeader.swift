import Packets

/// The header of a TCP segment with the options that we know. RFC 9293 §3.1.
///
///     0               8               16                            31
///     |          source port          |        destination port      |
///     |                       sequence number                        |
///     |                    acknowledgement number                    |
///     | offset | rsvd |     flags     |            window            |
///     |           checksum            |        urgent pointer        |
///     |          options, padded with zero to a multiple of 4        |
///
/// Parsing checks the bounds once; a value that exists is whole. The checksum
/// is not part of it, as it needs the addresses: see ``isChecksumRight(of:from:to:)``
/// and ``fillChecksum(in:from:to:)``.
struct TCPHeader: Equatable, Sendable {
  /// Offsets of the fields in bytes.
  enum Field {
    static let sourcePort = 0
    static let destinationPort = 2
    static let sequenceNumber = 4
    static let acknowledgementNumber = 8
    /// Upper four bits: the header's length in words of 4 bytes.
    static let dataOffset = 12
    static let flags = 13
    static let window = 14
    static let checksum = 16
    static let urgentPointer = 18
    static let options = 20
  }

  /// The control bits. RFC 9293 §3.1.
  struct Flags: OptionSet, Hashable, Sendable {
    let rawValue: UInt8
    static let fin = Flags(rawValue: 1 << 0)
    static let syn = Flags(rawValue: 1 << 1)
    static let reset = Flags(rawValue: 1 << 2)
    static let push = Flags(rawValue: 1 << 3)
    static let acknowledgement = Flags(rawValue: 1 << 4)
    static let urgent = Flags(rawValue: 1 << 5)
    /// ECE: congestion was experienced. RFC 3168 §6.1.
    static let congestionEcho = Flags(rawValue: 1 << 6)
    /// CWR: the congestion window was reduced. RFC 3168 §6.1.
    static let windowReduced = Flags(rawValue: 1 << 7)
  }

  /// Why bytes are no TCP header.
  enum Malformed: Error, Hashable {
    /// Fewer than 20 bytes, or than the data offset says.
    case truncated
    /// The data offset is below 5.
    case dataOffset
  }

  /// The number in IPv4's protocol field.
  static let protocolNumber: UInt8 = 6
  /// The length without options, in bytes.
  static let minimumLength = Field.options
  /// The length that the largest data offset gives, in bytes.
  static let maximumLength = 60

  var sourcePort: UInt16
  var destinationPort: UInt16
  var sequenceNumber: SequenceNumber
  /// Means something with the flag `acknowledgement` only.
  var acknowledgementNumber = SequenceNumber(0)
  var flags: Flags
  /// As in the field: not scaled.
  var window: UInt16 = 0
  var urgentPointer: UInt16 = 0
  var options = TCPOptions()
  /// The length that was parsed, in bytes, with options.
  private(set) var parsedLength = 0

  init(
    sourcePort: UInt16,
    destinationPort: UInt16,
    sequenceNumber: SequenceNumber,
    flags: Flags
  ) {
    self.sourcePort = sourcePort
    self.destinationPort = destinationPort
    self.sequenceNumber = sequenceNumber
    self.flags = flags
  }

  /// The header at the front of `bytes`.
  init(parsing bytes: RawSpan) throws(Malformed) {
    guard bytes.byteCount >= Self.minimumLength else { throw .truncated }
    let length = Int(bytes.byte(at: Field.dataOffset) >> 4) * 4
    guard length >= Self.minimumLength else { throw .dataOffset }
    guard length <= bytes.byteCount else { throw .truncated }
    sourcePort = bytes.bigEndian(at: Field.sourcePort)
    destinationPort = bytes.bigEndian(at: Field.destinationPort)
    sequenceNumber = SequenceNumber(bytes.bigEndian(at: Field.sequenceNumber))
    acknowledgementNumber = SequenceNumber(
      bytes.bigEndian(at: Field.acknowledgementNumber)
    )
    flags = Flags(rawValue: bytes.byte(at: Field.flags))
    window = bytes.bigEndian(at: Field.window)
    urgentPointer = bytes.bigEndian(at: Field.urgentPointer)
    parsedLength = length
    if length > Field.options {
      options = TCPOptions(parsing: bytes.extracting(Field.options..<length))
    }
  }

  /// The length in bytes that ``write(to:)`` fills: a multiple of 4.
  var length: Int { Self.minimumLength + options.length }

  /// Writes the header to the front of `target`, its checksum as zero.
  ///
  /// - Precondition: `target` has `length` bytes, which is ``length``.
  func write(to target: inout MutableRawSpan, length: Int) {
    target.storeBigEndian(sourcePort, at: Field.sourcePort)
    target.storeBigEndian(destinationPort, at: Field.destinationPort)
    target.storeBigEndian(sequenceNumber.rawValue, at: Field.sequenceNumber)
    target.storeBigEndian(
      acknowledgementNumber.rawValue,
      at: Field.acknowledgementNumber
    )
    target.storeBigEndian(UInt8(length / 4) << 4, at: Field.dataOffset)
    target.storeBigEndian(flags.rawValue, at: Field.flags)
    target.storeBigEndian(window, at: Field.window)
    target.storeBigEndian(UInt16(0), at: Field.checksum)
    target.storeBigEndian(urgentPointer, at: Field.urgentPointer)
    if length > Field.options {
      options.write(to: &target, at: Field.options)
    }
  }

  /// Whether the checksum in `segment`, header and payload, is right.
  /// RFC 9293 §3.1 (MUST-3).
  static func isChecksumRight(
    of segment: borrowing PacketBuffer,
    from source: IPAddress,
    to destination: IPAddress
  ) -> Bool {
    var checksum = pseudoHeader(of: segment, source, destination)
    checksum.add(segment)
    return checksum.value == 0
  }

  /// Writes the checksum of `segment`, whose field for it is zero.
  /// RFC 9293 §3.1 (MUST-2).
  static func fillChecksum(
    in segment: inout PacketBuffer,
    from source: IPAddress,
    to destination: IPAddress
  ) {
    var checksum = pseudoHeader(of: segment, source, destination)
    checksum.add(segment)
    var bytes = segment.mutableBytes
    bytes.storeBigEndian(checksum.value, at: Field.checksum)
  }

  /// Leaves the checksum of `segment` to the device: writes the sum of the
  /// pseudo-header, of the whole length even if the segment is to be cut.
  /// VIRTIO 1.2 §5.1.6.2; who cuts takes the difference of the lengths into
  /// account.
  static func leaveChecksum(
    of segment: inout PacketBuffer,
    from source: IPAddress,
    to destination: IPAddress
  ) {
    let checksum = pseudoHeader(of: segment, source, destination)
    var bytes = segment.mutableBytes
    bytes.storeBigEndian(checksum.partialValue, at: Field.checksum)
    segment.partialChecksum = PacketBuffer.PartialChecksum(
      start: 0,
      field: Field.checksum
    )
  }

  private static func pseudoHeader(
    of segment: borrowing PacketBuffer,
    _ source: IPAddress,
    _ destination: IPAddress
  ) -> InternetChecksum {
    var checksum = InternetChecksum()
    checksum.addPseudoHeader(
      source: source,
      destination: destination,
      protocol: protocolNumber,
      length: segment.totalCount
    )
    return checksum
  }
}
