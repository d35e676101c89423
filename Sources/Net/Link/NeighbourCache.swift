import BasicContainers
import Packets

/// The hardware addresses of the hosts of the link that we send to. RFC 826,
/// RFC 1122 §2.3.2, with the states of RFC 4861 §7.3.2.
///
///                use                 answer
///     (nothing) -----> INCOMPLETE -------------> REACHABLE <--+
///        ^                 |                      |           | answer, or
///        |                 |           30 s, more |           | confirmed
///        +--- no answer ---+             or less  v           |
///        |                                      STALE         |
///        |                                        | use       |
///        |                                        v           |
///        +--- no answer --- PROBE <--- 5 s --- DELAY ---------+
///                             ^
///                             +--- another hardware address is claimed
///
/// Our own use makes an entry, and so does who asks for us, because an answer
/// to it is about to follow; but the latter takes a free place only, and is the
/// first to lose it, so that others cannot push out whom we use.
///
/// What we send may be what others made us send, an answer to a forged address.
/// So in a full table nobody can take all from the others:
///
///     the newcomer takes the place of                 as long as
///     who asked for us, and was never used            there is one
///     who is known, and was not used for longest      fewer are INCOMPLETE than
///                                                     Limits.neighboursAsked
///     the INCOMPLETE one that was made first          that one had its time,
///                                                     Limits.neighbourPatience
///     nobody: its packets are dropped                 else, or when it may not
///                                                     be asked for just now
///
/// Who asked for us and is asked back since its first use counts as INCOMPLETE
/// here, until it has answered: its address may be forged, too.
///
/// So those who are INCOMPLETE have at least that time for their answer, and who
/// is known and used loses his place to no more than those few. In a flood of
/// forged addresses a newcomer has the chance of any other packet that comes.
///
/// One request a second goes to a neighbour, also when its entry has gone and
/// there is another: see ``RequestLog``.
///
/// What makes a hardware address known is an answer: a reply to our own
/// addresses, after a request of ours was sent. Of two the first counts, and the
/// second is a claim. Until then nothing else that is said of it is believed.
///
/// A hardware address that is known does not change because somebody says so,
/// though RFC 826 would have it: who has it is asked alone, and packets still go
/// there. Only when that brings no answer within a second is everybody asked,
/// and then who answers first has the address. A host that takes over another's
/// address is so believed after a second, and an attacker not as long as the
/// one that it wants to replace is there.
///
/// Each entry waits on its own, with some packets, so a neighbour that is gone
/// keeps back nobody else's.
struct NeighbourCache: ~Copyable {
  /// What a lookup found.
  enum Resolution: Equatable, Sendable {
    /// The hardware address.
    case known(MACAddress)
    /// It is being asked for; a packet may be parked at this index.
    case pending(Int)
    /// Every place is taken by who is worth as much.
    case refused
  }

  /// What has to be done because time has passed.
  enum Action: ~Copyable {
    /// Ask for `address`: everybody, or only the one who last had it.
    case request(IPv4Address, hardware: MACAddress?)
    /// Nothing yet: a request that was due has to wait. See ``RequestLog``.
    case heldBack
    /// The neighbour did not answer; these packets had waited for it.
    case unreachable(PacketQueue)
  }

  /// What a packet of ARP has taught.
  enum Lesson: Equatable, Sendable {
    /// Nothing: nobody wants to know of its sender.
    case none
    /// The entry at this index is as the packet says.
    case known(Int)
    /// It says otherwise than the entry, which stays until it was asked.
    case disputed
  }

  /// The time between requests to one neighbour. RFC 1122 §2.3.2.1 (one a
  /// second at the most), RFC 4861 §10 (RETRANS_TIMER).
  static let requestInterval: Interval = .seconds(1)
  /// How long what goes to a stale neighbour may show that it arrives, before
  /// it is asked. RFC 4861 §10 (DELAY_FIRST_PROBE_TIME).
  private static let firstProbeDelay: Interval = .seconds(5)

  let limit: Int
  private let askedLimit: Int
  private let patience: Interval
  let requestLimit: Int
  private let parkedLimit: Int
  private let totalParkedLimit: Int
  /// RFC 4861 §6.3.2 (ReachableTime): the base and up to a half more or less,
  /// so that hosts that learnt of each other at once do not ask at once.
  let reachableTime: Interval
  var entries: UniqueArray<Neighbour>
  var log: RequestLog
  /// The packets that wait, for all neighbours together.
  var parkedCount = 0
  /// Where the last lookup found its entry: most packets go where the one
  /// before went.
  var recent = 0
  /// No entry is due earlier. It may be too early after an answer; then one
  /// look at all entries puts it right.
  var deadline: Instant?

  /// A cache without entries; `random` spreads ``reachableTime``.
  init(limits: Limits, random: UInt64 = 0x8000_0000_0000_0000) {
    limit = limits.neighbours
    askedLimit = limits.neighboursAsked
    patience = limits.neighbourPatience
    requestLimit = limits.neighbourRequests
    parkedLimit = limits.packetsPerNeighbour
    totalParkedLimit = limits.packetsForNeighbours
    let base = limits.neighbourLifetime.nanoseconds
    let spread = base / 1024 * Int64(random >> 54)
    reachableTime = Interval(nanoseconds: base / 2 + spread)
    entries = UniqueArray(minimumCapacity: limits.neighbours)
    log = RequestLog(
      interval: Self.requestInterval,
      limit: limits.neighbourRequestsASecond,
      entries: limits.neighbours
    )
  }

  /// The number of neighbours that are known or asked for.
  var count: Int { entries.count }

  /// How much is known of `address`; `nil`: nothing.
  func state(of address: IPv4Address) -> Neighbour.State? {
    find(address).map { entries[$0].state }
  }

  // MARK: Use

  /// The hardware address of `address`, or where to park a packet for it. A
  /// neighbour that is not known is asked for from now on.
  ///
  /// `evicted` is increased by the packets that lost their place when the
  /// table was full and another neighbour had to go.
  mutating func resolve(
    _ address: IPv4Address,
    at now: Instant,
    evicted: inout Int
  ) -> Resolution {
    guard let index = find(address) else {
      if entries.count >= limit {
        guard let victim = victim(for: address, at: now) else {
          return .refused
        }
        evicted += remove(at: victim).count
      }
      entries.append(Neighbour(address, at: now))
      recent = entries.count - 1
      schedule(now)
      return .pending(recent)
    }
    recent = index
    entries[index].lastUse = now
    switch entries[index].state {
    case .incomplete:
      return .pending(index)
    case .delay, .probe:
      break
    case .reachable(let end):
      if now >= end { beginDelay(of: index, at: now) }
    case .stale where entries[index].isUnverified:
      verify(index, at: now)
    case .stale:
      beginDelay(of: index, at: now)
    }
    return .known(entries[index].hardware)
  }

  /// Asks everybody for a neighbour that nobody has asked for yet: its own word
  /// is worth no more than another's.
  private mutating func verify(_ index: Int, at now: Instant) {
    entries[index].state = .probe
    entries[index].begin = now
    entries[index].isDisputed = true
    // The request to it alone is left out.
    entries[index].requests = 1
    entries[index].due = now
    schedule(now)
  }

  private mutating func beginDelay(of index: Int, at now: Instant) {
    entries[index].state = .delay
    entries[index].due = now + Self.firstProbeDelay
    schedule(entries[index].due)
  }

  /// Asks for `address` before there is a packet for it, unless it is known.
  mutating func ask(_ address: IPv4Address, at now: Instant) {
    guard find(address) == nil, entries.count < limit else { return }
    entries.append(Neighbour(address, at: now))
    schedule(now)
  }

  /// Lets `packet` wait for the neighbour at `index`, and returns how many packets
  /// are dropped, among them perhaps this one.
  ///
  /// RFC 4861 §7.2.2: newer ones replace older ones. When as many datagrams wait
  /// for the neighbour as may, its oldest goes; when as many packets wait for all
  /// neighbours, the oldest datagram of who has most, or of this one if no other
  /// has more. A datagram in parts waits, and goes, as a whole.
  mutating func park(_ packet: consuming PacketBuffer, at index: Int) -> Int {
    let isLaterPart = IPv4Header.isLaterFragment(packet)
    var dropped = 0
    if !isLaterPart, entries[index].parkedDatagrams >= parkedLimit {
      dropped += dropOldestParked(at: index)
    }
    if parkedCount >= totalParkedLimit {
      dropped += dropOldestParked(at: whoHasMostParked(index))
    }
    if !isLaterPart { entries[index].refusesParts = false }
    guard !entries[index].refusesParts, parkedCount < totalParkedLimit else {
      return dropped + 1
    }
    parkedCount += 1
    entries[index].parkedDatagrams += isLaterPart ? 0 : 1
    entries[index].parked.append(packet)
    return dropped
  }

  /// The neighbour that most packets wait for, and of equals the one at `index`.
  private func whoHasMostParked(_ index: Int) -> Int {
    var most = index
    for other in 0..<entries.count
    where entries[other].parked.count > entries[most].parked.count {
      most = other
    }
    return most
  }

  /// Drops the oldest datagram that waits for the neighbour at `index`, with all
  /// its parts, and returns how many packets those were.
  private mutating func dropOldestParked(at index: Int) -> Int {
    let before = parkedCount
    _ = takeParked(at: index)
    while !entries[index].parked.isEmpty,
      IPv4Header.isLaterFragment(entries[index].parked.firstBytes)
    {
      _ = takeParked(at: index)
    }
    entries[index].refusesParts = entries[index].parked.isEmpty
    return before - parkedCount
  }

  // MARK: Table

  func find(_ address: IPv4Address) -> Int? {
    if recent < entries.count, entries[recent].address == address {
      return recent
    }
    for index in 0..<entries.count where entries[index].address == address {
      return index
    }
    return nil
  }

  /// Removes an entry, and returns what waited for it.
  mutating func remove(at index: Int) -> PacketQueue {
    var entry = entries.remove(at: index)
    recent = 0
    parkedCount -= entry.parked.count
    var parked = PacketQueue()
    swap(&parked, &entry.parked)
    return parked
  }

  /// Whose place in the full table `address` may have: see ``NeighbourCache``.
  ///
  /// - Complexity: linear in the entries, and in the requests of a second.
  private func victim(for address: IPv4Address, at now: Instant) -> Int? {
    // Who would have to wait for a request would do so in the place of others.
    guard log.earliest(for: address, at: now) <= now else { return nil }
    var asked = 0
    var (first, unused): (Int?, Int?)
    for index in 0..<entries.count {
      if entries[index].isAwaitedFirst {
        asked += 1
        if isBefore(entries[index].begin, first.map { entries[$0].begin }) {
          first = index
        }
      } else if isBefore(
        entries[index].lastUse,
        unused.map { entries[$0].lastUse }
      ) {
        unused = index
      }
    }
    if let unused, asked < askedLimit || entries[unused].isUnverified {
      return unused
    }
    return first.flatMap { entries[$0].begin + patience <= now ? $0 : nil }
  }

  private func isBefore(_ time: Instant, _ other: Instant?) -> Bool {
    other.map { time < $0 } ?? true
  }

  mutating func schedule(_ due: Instant) {
    deadline = deadline.map { min($0, due) } ?? due
  }
}
