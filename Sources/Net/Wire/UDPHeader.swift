import Packets

/// The header of a UDP datagram. RFC 768.
///
///     0             2                  4        6          8
///     | source port | destination port | length | checksum | payload
///
/// The checksum covers a pseudo-header of both addresses as well; zero says
/// that the sender made none.
struct UDPHeader: Equatable, Sendable {
  private enum Field {
    static let sourcePort = 0
    static let destinationPort = 2
    static let length = 4
    static let checksum = 6
  }

  /// The header's size in bytes.
  static let size = 8

  var sourcePort: UInt16
  var destinationPort: UInt16
  /// The datagram's size in bytes, with this header.
  var length: Int

  /// The header of a datagram with `payloadLength` bytes.
  init(sourcePort: UInt16, destinationPort: UInt16, payloadLength: Int) {
    self.sourcePort = sourcePort
    self.destinationPort = destinationPort
    length = Self.size + payloadLength
  }

  /// Reads the header at the front of `bytes`, and checks the checksum over
  /// the datagram unless the sender made none, or the device has checked it.
  /// Bytes behind the datagram's length are not part of it.
  init(
    parsing bytes: RawSpan,
    source: IPAddress,
    destination: IPAddress,
    isVerified: Bool
  ) throws(DropReason) {
    guard bytes.byteCount >= Self.size else {
      throw DropReason.udpTruncated
    }
    sourcePort = bytes.bigEndian(at: Field.sourcePort)
    destinationPort = bytes.bigEndian(at: Field.destinationPort)
    length = Int(bytes.bigEndian(at: Field.length, as: UInt16.self))
    guard length >= Self.size, length <= bytes.byteCount else {
      throw DropReason.udpLength
    }
    guard !isVerified,
      bytes.bigEndian(at: Field.checksum, as: UInt16.self) != 0
    else { return }
    var checksum = pseudoHeader(source, destination)
    checksum.add(bytes.extracting(0..<length))
    // RFC 1122 §4.1.3.4: a wrong checksum drops the datagram silently.
    guard checksum.value == 0 else { throw DropReason.udpChecksum }
  }

  /// Writes the header to the front of `datagram`, which has the payload, and
  /// leaves the checksum to be completed: by the device, or by
  /// ``PacketBuffer/completeChecksum()``.
  func write(
    to datagram: inout PacketBuffer,
    source: IPAddress,
    destination: IPAddress
  ) {
    var bytes = datagram.mutableBytes
    bytes.storeBigEndian(sourcePort, at: Field.sourcePort)
    bytes.storeBigEndian(destinationPort, at: Field.destinationPort)
    bytes.storeBigEndian(
      UInt16(truncatingIfNeeded: length),
      at: Field.length
    )
    let checksum = pseudoHeader(source, destination)
    bytes.storeBigEndian(checksum.partialValue, at: Field.checksum)
    datagram.partialChecksum = PacketBuffer.PartialChecksum(
      start: 0,
      field: Field.checksum
    )
  }

  /// Writes the header to the front of `bytes`, with the checksum over itself and
  /// `payload`, of which only a part need be behind it.
  func write(
    to bytes: inout MutableRawSpan,
    before payload: RawSpan,
    source: IPAddress,
    destination: IPAddress
  ) {
    bytes.storeBigEndian(sourcePort, at: Field.sourcePort)
    bytes.storeBigEndian(destinationPort, at: Field.destinationPort)
    bytes.storeBigEndian(
      UInt16(truncatingIfNeeded: length),
      at: Field.length
    )
    bytes.storeBigEndian(UInt16(0), at: Field.checksum)
    var checksum = pseudoHeader(source, destination)
    checksum.add(bytes.bytes.extracting(0..<Self.size))
    checksum.add(payload)
    // RFC 768: zero would say that there is none.
    let value = checksum.value == 0 ? 0xFFFF : checksum.value
    bytes.storeBigEndian(value, at: Field.checksum)
  }

  private func pseudoHeader(
    _ source: IPAddress,
    _ destination: IPAddress
  ) -> InternetChecksum {
    var checksum = InternetChecksum()
    checksum.addPseudoHeader(
      source: source,
      destination: destination,
      protocol: IPv4Header.ProtocolNumber.udp,
      length: length
    )
    return checksum
  }
}
