import Packets

/// A message of the Network Time Protocol, as a simple client uses it. RFC 4330
/// §4.
///
///     0              1         2      3           4            8
///     | LI, VN, mode | stratum | poll | precision | root delay | dispersion |
///     12                     16          24          32        40
///     | reference identifier | reference | originate | receive | transmit |
struct NTPMessage: Equatable, Sendable {
  private enum Field {
    static let first = 0
    static let stratum = 1
    static let rootDelay = 4
    static let rootDispersion = 8
    static let referenceIdentifier = 12
    static let originate = 24
    static let receive = 32
    static let transmit = 40
  }

  /// The size in bytes, without what authenticates.
  static let size = 48
  /// The port of a server.
  static let port: UInt16 = 123

  /// The leap indicator of a server that does not know the time.
  static let unsynchronised: UInt8 = 3
  /// The mode of a client.
  static let client: UInt8 = 3
  /// The mode of a server.
  static let server: UInt8 = 4

  var leap: UInt8 = 0
  var version: UInt8 = 4
  var mode: UInt8
  var stratum: UInt8 = 0
  /// To the primary source and back, in 2^-16 s.
  var rootDelay: UInt32 = 0
  /// How far off the primary source may be, in 2^-16 s.
  var rootDispersion: UInt32 = 0
  /// With stratum 0, the four letters of a kiss.
  var referenceIdentifier: UInt32 = 0
  var originate = NTPTimestamp(bits: 0)
  var receive = NTPTimestamp(bits: 0)
  var transmit = NTPTimestamp(bits: 0)

  /// What a client sends: RFC 4330 §5 has all else zero.
  init(asking nonce: NTPTimestamp) {
    mode = Self.client
    transmit = nonce
  }

  /// Reads the message; extensions and authenticators behind it go by.
  init?(parsing bytes: RawSpan) {
    guard bytes.byteCount >= Self.size else { return nil }
    let first = bytes.byte(at: Field.first)
    leap = first >> 6
    version = first >> 3 & 7
    mode = first & 7
    stratum = bytes.byte(at: Field.stratum)
    rootDelay = bytes.bigEndian(at: Field.rootDelay)
    rootDispersion = bytes.bigEndian(at: Field.rootDispersion)
    referenceIdentifier = bytes.bigEndian(at: Field.referenceIdentifier)
    originate = NTPTimestamp(bits: bytes.bigEndian(at: Field.originate))
    receive = NTPTimestamp(bits: bytes.bigEndian(at: Field.receive))
    transmit = NTPTimestamp(bits: bytes.bigEndian(at: Field.transmit))
  }

  /// The message as a client sends it.
  var bytes: [UInt8] {
    var bytes = [UInt8](repeating: 0, count: Self.size)
    bytes[Field.first] = leap << 6 | version << 3 | mode
    for index in 0..<8 {
      bytes[Field.transmit + index] = UInt8(
        truncatingIfNeeded: transmit.bits >> UInt64(56 - 8 * index)
      )
    }
    return bytes
  }
}

/// Seconds since 1900, in 2^-32 s. RFC 4330 §3.
struct NTPTimestamp: Equatable, Sendable {
  let bits: UInt64

  /// Nanoseconds since 1970. With its top bit clear the time is one of the era
  /// that begins in 2036. RFC 4330 §3.
  var date: UTCDate {
    let seconds = Int64(bits >> 32)
    let era: Int64 = seconds >> 31 == 0 ? 1 << 32 : 0
    let nanoseconds = ((bits & 0xFFFF_FFFF) * 1_000_000_000) >> 32
    return UTCDate(
      secondsSince1970: seconds + era - UTCDate.secondsFrom1900,
      nanosecond: Int32(nanoseconds)
    )
  }
}
