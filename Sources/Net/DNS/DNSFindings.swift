import Packets

/// What the answers of a message say of one name.
struct DNSFindings {
  private let limit: Int
  private(set) var addresses: [IPAddress] = []
  /// The name that it is another one for.
  private(set) var alias: DNSName?
  /// The least time of what was found.
  private(set) var seconds = UInt32.max

  init(limit: Int) { self.limit = limit }

  /// Looks through `count` records from `start` on, in whatever order they are.
  mutating func look(
    for name: DNSName,
    in message: RawSpan,
    _ count: UInt16,
    at start: Int
  ) throws(DNSError) {
    var offset = start
    for _ in 0..<count {
      let record = try DNSRecord(parsing: message, at: &offset)
      guard record.recordClass == DNSMessage.internet, record.name == name
      else { continue }
      switch record.kind {
      case DNSMessage.Kind.address:
        let address = try record.address(in: message)
        guard addresses.count < limit else { continue }
        addresses.append(IPAddress(address))
        seconds = min(seconds, record.timeToLive)
      case DNSMessage.Kind.canonicalName where alias == nil:
        alias = try record.canonicalName(in: message)
        // Beside an address an alias means nothing. RFC 1034 §3.6.2.
        if addresses.isEmpty { seconds = min(seconds, record.timeToLive) }
      default:
        continue
      }
    }
  }

  /// How long the SOA record of a message lets a "there is none" be believed;
  /// `nil` without one. RFC 2308 §5.
  static func negativeSeconds(
    in message: RawSpan,
    _ header: DNSHeader,
    _ start: Int
  ) throws(DNSError) -> UInt32? {
    var offset = start
    for _ in 0..<header.answers {
      _ = try DNSRecord(parsing: message, at: &offset)
    }
    for _ in 0..<header.authorities {
      let record = try DNSRecord(parsing: message, at: &offset)
      guard record.kind == DNSMessage.Kind.startOfAuthority,
        record.recordClass == DNSMessage.internet
      else { continue }
      return try record.negativeTimeToLive(in: message)
    }
    return nil
  }
}
