/// What the DNS has said lately. RFC 1035 §7.4, RFC 2308 for what there is not.
///
/// An answer goes when its time is over, or, when there are too many, if it is
/// the one that nobody has asked for longest.
public struct DNSCache: Sendable {
  private struct Entry {
    /// Folded, so that to compare is to compare bytes.
    let name: [UInt8]
    var answer: DNSAnswer
    var expiry: Instant
    var lastUse: Instant
  }

  private let limits: DNSLimits
  private var entries: [Entry] = []

  /// A cache that knows nothing.
  public init(limits: DNSLimits = DNSLimits()) { self.limits = limits }

  /// How many names it knows something of.
  public var count: Int { entries.count }

  /// What was said of `name`, if that still holds.
  ///
  /// - Complexity: linear in the names; there are 128.
  public mutating func find(_ name: DNSName, at now: Instant) -> DNSAnswer? {
    guard let index = index(of: name.folded.bytes) else { return nil }
    guard now < entries[index].expiry else {
      entries.remove(at: index)
      return nil
    }
    entries[index].lastUse = now
    return entries[index].answer
  }

  /// Remembers `answer` about `name`; one without time is forgotten at once.
  public mutating func insert(
    _ answer: DNSAnswer,
    for name: DNSName,
    at now: Instant
  ) {
    let folded = name.folded.bytes
    if let index = index(of: folded) { entries.remove(at: index) }
    var longest = limits.longestNegativeSeconds
    if case .addresses = answer { longest = limits.longestSeconds }
    let seconds = min(answer.seconds, longest)
    guard seconds > 0, limits.cachedNames > 0 else { return }
    if entries.count >= limits.cachedNames { makeRoom(at: now) }
    entries.append(
      Entry(
        name: folded,
        answer: answer,
        expiry: now + .seconds(Int64(seconds)),
        lastUse: now
      )
    )
  }

  /// Forgets everything, as when the servers are others.
  public mutating func removeAll() { entries = [] }

  private func index(of name: [UInt8]) -> Int? {
    entries.firstIndex { $0.name == name }
  }

  private mutating func makeRoom(at now: Instant) {
    entries.removeAll { $0.expiry <= now }
    guard entries.count >= limits.cachedNames else { return }
    var oldest = 0
    for index in entries.indices
    where entries[index].lastUse < entries[oldest].lastUse {
      oldest = index
    }
    entries.remove(at: oldest)
  }
}
