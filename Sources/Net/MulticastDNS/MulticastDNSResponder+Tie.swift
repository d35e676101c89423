import Packets

/// Two who probe for one name at once.
extension MulticastDNSResponder {
  /// Another probes for the name at the same time: whose records come later in
  /// the order of their bytes has it. RFC 6762 §8.2.
  mutating func breakTie(
    _ message: RawSpan,
    _ count: UInt16,
    _ offset: inout Int,
    at now: Instant
  ) throws(DNSError) {
    // Our one record against the first of theirs in the order of types, and of
    // data within a type; when these are the same, who has more wins.
    var first: (kind: UInt16, data: [UInt8])?
    var theirs = 0
    for _ in 0..<count {
      let record = try DNSRecord(parsing: message, at: &offset)
      guard record.name == name,
        record.recordClass & ~Self.askerOnly == DNSMessage.internet
      else { continue }
      theirs += 1
      let other = (record.kind, record.data.map { message.byte(at: $0) })
      if first.map({ Self.precedes(other, $0) }) ?? true { first = other }
    }
    guard let first else { return }
    let ours = (kind: DNSMessage.Kind.address, data: addressData)
    let isOurs =
      first == ours ? theirs == 1 : Self.precedes(first, ours)
    guard !isOurs else { return }
    probe(at: now + Self.tieRest)
  }

  private static func precedes(
    _ left: (kind: UInt16, data: [UInt8]),
    _ right: (kind: UInt16, data: [UInt8])
  ) -> Bool {
    guard left.kind == right.kind else { return left.kind < right.kind }
    for index in 0..<min(left.data.count, right.data.count)
    where left.data[index] != right.data[index] {
      return left.data[index] < right.data[index]
    }
    return left.data.count < right.data.count
  }
}
