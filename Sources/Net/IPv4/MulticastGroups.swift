/// The groups that this host listens to, and what routers and switches are told
/// of them. RFC 3376, and RFC 2236 and RFC 1112 while a router speaks those.
///
/// A group that is left keeps its entry until that is told, but no place: who
/// joins another has it. So all interfaces have room for the same groups, whatever
/// each of them could tell so far.
///
/// The machine makes no packets and reads no clock.
struct MulticastGroups: Sendable {
  /// What ``poll(at:)`` asks to send.
  enum Action: Equatable, Sendable {
    /// A report of version 3, to 224.0.0.22.
    case report(IGMPMessage.RecordType, IPv4Address)
    /// A report of version 1 or 2, to the group.
    case reportOld(version: Int, IPv4Address)
    /// That the group is left, of version 2, to 224.0.0.2.
    case leave(IPv4Address)
  }

  private struct Membership {
    let group: IPv4Address
    /// How often it was joined; 0: it is left, and that is still to be told.
    var joins = 1
    /// How often its joining or leaving is still to be told.
    var changes: Int
    var due: Instant
    /// When a query is to be answered.
    var answer: Instant?
  }

  /// Every host listens to it, and nobody says so. RFC 2236 §6.
  static let allHosts = IPv4Address(224, 0, 0, 1)
  static let allRouters = IPv4Address(224, 0, 0, 2)
  static let reportsOfVersion3 = IPv4Address(224, 0, 0, 22)

  /// How often each change is told. RFC 3376 §8.1 (Robustness Variable).
  private static let robustness = 2
  /// The time between. RFC 3376 §8.11 (Unsolicited Report Interval).
  private static let reportInterval: Interval = .seconds(1)
  /// The same of version 2. RFC 2236 §8.10.
  private static let oldReportInterval: Interval = .seconds(10)
  /// How long after its last query an old router is thought to be there. RFC
  /// 3376 §8.12: 2 times 125 s, and 10 s.
  private static let olderVersionTime: Interval = .seconds(260)

  private let limit: Int
  private var random: RandomNumbers
  private var members: [Membership] = []
  /// The older versions that routers speak, and until when.
  private var version1End: Instant?
  private var version2End: Instant?

  init(limit: Int, random: RandomNumbers) {
    self.limit = limit
    self.random = random
  }

  /// Whether datagrams to `group` are for this host.
  func contains(_ group: IPv4Address) -> Bool {
    for index in members.indices where members[index].group == group {
      return members[index].joins > 0
    }
    return false
  }

  /// The groups that are joined.
  var joined: [IPv4Address] {
    members.filter { $0.joins > 0 }.map { $0.group }
  }

  /// When to call ``poll(at:)``.
  var deadline: Instant? {
    var earliest: Instant?
    for member in members {
      if member.changes > 0 {
        earliest = min(earliest ?? member.due, member.due)
      }
      if let answer = member.answer {
        earliest = min(earliest ?? answer, answer)
      }
    }
    return earliest
  }

  /// Which version routers understand. RFC 3376 §7.2.1.
  private func version(at now: Instant) -> Int {
    if let version1End, now < version1End { return 1 }
    if let version2End, now < version2End { return 2 }
    return 3
  }

  // MARK: Joining and leaving

  /// Joins `group`; each join asks for a ``leave(_:at:)``.
  ///
  /// - Throws: `limitReached`.
  mutating func join(
    _ group: IPv4Address,
    at now: Instant
  ) throws(NetworkError) {
    let known = members.firstIndex { $0.group == group }
    if let known, members[known].joins > 0 {
      members[known].joins += 1
      return
    }
    guard members.count(where: { $0.joins > 0 }) < limit else {
      throw .limitReached
    }
    if let known {
      members[known].joins = 1
      return tell(known, at: now)
    }
    if members.count >= limit,
      let left = members.firstIndex(where: { $0.joins == 0 })
    {
      // What is left to tell of it the next query does.
      members.remove(at: left)
    }
    members.append(Membership(group: group, changes: 0, due: now))
    tell(members.count - 1, at: now)
  }

  /// Takes one join back.
  mutating func leave(_ group: IPv4Address, at now: Instant) {
    guard let index = members.firstIndex(where: { $0.group == group }),
      members[index].joins > 0
    else { return }
    members[index].joins -= 1
    guard members[index].joins == 0 else { return }
    members[index].answer = nil
    tell(index, at: now)
  }

  /// Joins all groups that `other` has joined, as often: for another interface.
  mutating func joinAll(of other: MulticastGroups, at now: Instant) {
    for member in other.members where member.joins > 0 {
      members.append(Membership(group: member.group, changes: 0, due: now))
      members[members.count - 1].joins = member.joins
      tell(members.count - 1, at: now)
    }
  }

  /// Tells of all groups anew, as on another link or from another address.
  mutating func restart(at now: Instant) {
    version1End = nil
    version2End = nil
    members.removeAll { $0.joins == 0 }
    for index in members.indices {
      members[index].answer = nil
      tell(index, at: now)
    }
  }

  private mutating func tell(_ index: Int, at now: Instant) {
    // Every host is in this one, and no router asks.
    guard members[index].group != Self.allHosts else {
      if members[index].joins == 0 { members.remove(at: index) }
      return
    }
    members[index].changes = Self.robustness
    members[index].due = now
  }

  // MARK: Time

  /// The next message to send.
  mutating func poll(at now: Instant) -> Action? {
    for index in members.indices {
      let group = members[index].group
      if members[index].changes > 0, members[index].due <= now {
        return change(index, group, at: now)
      }
      if let answer = members[index].answer, answer <= now {
        members[index].answer = nil
        let version = version(at: now)
        return version == 3
          ? .report(.isExclude, group)
          : .reportOld(version: version, group)
      }
    }
    return nil
  }

  private mutating func change(
    _ index: Int,
    _ group: IPv4Address,
    at now: Instant
  ) -> Action? {
    let version = version(at: now)
    let isLeft = members[index].joins == 0
    members[index].changes -= 1
    let longest = version == 3 ? Self.reportInterval : Self.oldReportInterval
    members[index].due = now + upTo(longest)
    // RFC 2236 §3: to leave is said once; in version 1, not at all.
    if isLeft, version < 3 || members[index].changes == 0 {
      members.remove(at: index)
    }
    switch version {
    case 3: return .report(isLeft ? .becomesInclude : .becomesExclude, group)
    case 2 where isLeft: return .leave(group)
    case 1 where isLeft: return poll(at: now)
    default: return .reportOld(version: version, group)
    }
  }

  private mutating func upTo(_ longest: Interval) -> Interval {
    let span = UInt64(max(longest.nanoseconds, 0))
    return Interval(nanoseconds: Int64(random.next() % (span + 1)))
  }

  // MARK: Routers and others

  /// Takes in a message.
  mutating func receive(_ message: IGMPMessage, at now: Instant) {
    guard message.type == IGMPMessage.MessageType.query else {
      // RFC 2236 §3: one report of a group is enough for the link.
      for index in members.indices
      where members[index].group == message.group && version(at: now) < 3 {
        members[index].answer = nil
      }
      return
    }
    switch message.version {
    case 1: version1End = now + Self.olderVersionTime
    case 2: version2End = now + Self.olderVersionTime
    default: break
    }
    for index in members.indices
    where members[index].joins > 0 && members[index].group != Self.allHosts
      && (message.group == .any || members[index].group == message.group)
    {
      // RFC 3376 §5.2: at a random time; what is due earlier stays.
      let answer = now + upTo(message.responseTime)
      members[index].answer = min(members[index].answer ?? answer, answer)
    }
  }
}
