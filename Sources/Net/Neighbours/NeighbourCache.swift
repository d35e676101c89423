import BasicContainers
import Packets

/// The hardware addresses of the hosts of the link that we send to. RFC 826,
/// RFC 1122 §2.3.2.
///
///                 use                    answer
///     (nothing) -------> incomplete ----------------> reachable
///         ^                  |                         |     ^
///         +-- no answer -----+------ probing <---------+     |
///                                       |    use, too old    |
///                                       +------ answer ------+
///
/// Our own use makes an entry, and so does who asks for us, because an answer
/// to it is about to follow; but the latter takes a free place only, and is the
/// first to lose it, so that others cannot push out whom we use. What they send
/// can change an entry, as RFC 826 has it; a new hardware address that comes so
/// is probed at its next use. Each entry waits on its own, with
/// one packet, so a neighbour that is gone keeps back nobody else's packets.
struct NeighbourCache: ~Copyable {
  /// What a lookup found.
  enum Resolution: Equatable, Sendable {
    /// The hardware address.
    case known(MACAddress)
    /// It is being asked for; a packet may be parked at this index.
    case pending(Int)
  }

  /// What has to be done because time has passed.
  enum Action: ~Copyable {
    /// Ask for `address`: everybody, or only the one who last had it.
    case request(IPv4Address, hardware: MACAddress?)
    /// The neighbour did not answer; this packet had waited for it.
    case unreachable(PacketBuffer?)
  }

  /// The time between requests to one neighbour. RFC 1122 §2.3.2.1 (one a
  /// second at the most).
  private static let requestInterval: Interval = .seconds(1)

  private let limit: Int
  private let lifetime: Interval
  private let requestLimit: Int
  private var entries: UniqueArray<Neighbour>
  /// Where the last lookup found its entry: most packets go where the one
  /// before went.
  private var recent = 0
  /// No entry is due earlier. It may be too early after an answer; then one
  /// look at all entries puts it right.
  private(set) var deadline: Instant?

  init(limits: Limits) {
    limit = limits.neighbours
    lifetime = limits.neighbourLifetime
    requestLimit = limits.neighbourRequests
    entries = UniqueArray(minimumCapacity: limits.neighbours)
  }

  /// The number of neighbours that are known or asked for.
  var count: Int { entries.count }

  // MARK: Use

  /// The hardware address of `address`, or where to park a packet for it. A
  /// neighbour that is not known is asked for from now on.
  ///
  /// `evicted` is set to the packet that lost its place when the table was
  /// full and another neighbour had to go.
  mutating func resolve(
    _ address: IPv4Address,
    at now: Instant,
    evicted: inout PacketBuffer?
  ) -> Resolution {
    guard let index = find(address) else {
      if entries.count >= limit {
        evicted = evict()
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
    case .probing:
      return .known(entries[index].hardware)
    case .reachable(let end):
      if now >= end {
        entries[index].state = .probing
        entries[index].requests = 0
        entries[index].due = now
        schedule(now)
      }
      return .known(entries[index].hardware)
    }
  }

  /// Asks for `address` before there is a packet for it, unless it is known.
  mutating func ask(_ address: IPv4Address, at now: Instant) {
    guard find(address) == nil, entries.count < limit else { return }
    entries.append(Neighbour(address, at: now))
    schedule(now)
  }

  /// Lets `packet` wait for the neighbour at `index`; what waited before is
  /// returned, because only the newest waits. RFC 1122 §2.3.2.2.
  mutating func park(
    _ packet: consuming PacketBuffer,
    at index: Int
  ) -> PacketBuffer? {
    let former = entries[index].parked.take()
    entries[index].parked = consume packet
    return former
  }

  // MARK: Answers

  /// Takes in that `address` is at `hardware`; `nil` when nobody asked.
  ///
  /// `isAnswer`: the packet that said so was sent to us, and answers a request.
  /// RFC 826 has any packet change an entry that exists. One that nobody asked
  /// for, and that names another hardware address, is not trusted for longer
  /// than until the next use.
  mutating func learn(
    _ address: IPv4Address,
    at hardware: MACAddress,
    isAnswer: Bool,
    now: Instant
  ) -> Int? {
    guard let index = find(address) else { return nil }
    let isKnown = entries[index].state != .incomplete
    let isChange = isKnown && entries[index].hardware != hardware
    let isTrusted = !isChange || (isAnswer && entries[index].isWaiting)
    entries[index].hardware = hardware
    entries[index].requests = 0
    entries[index].state = .reachable(
      until: isTrusted ? now + lifetime : now
    )
    return index
  }

  /// Takes in that `address`, which has no entry, is at `hardware` and has asked
  /// for us. RFC 826 ("Am I the target protocol address?").
  ///
  /// It is probed at its next use, as nobody had asked for it. When the table
  /// is full nothing is taken in.
  mutating func add(
    _ address: IPv4Address,
    at hardware: MACAddress,
    now: Instant
  ) {
    guard entries.count < limit else { return }
    var entry = Neighbour(address, at: now)
    entry.hardware = hardware
    entry.state = .reachable(until: now)
    // Not used yet: older than all that were.
    entry.lastUse = Instant(nanoseconds: 0)
    entries.append(entry)
  }

  /// Whether a packet may be waiting for a neighbour's answer.
  var isAsking: Bool {
    for index in 0..<entries.count where entries[index].state == .incomplete {
      return true
    }
    return false
  }

  /// The packet that waited for the neighbour at `index`.
  mutating func takeParked(at index: Int) -> PacketBuffer? {
    entries[index].parked.take()
  }

  // MARK: Time

  /// The next thing that is due, or `nil` when nothing is any more.
  mutating func nextAction(at now: Instant) -> Action? {
    guard let deadline, deadline <= now else { return nil }
    var earliest: Instant?
    for index in 0..<entries.count where entries[index].isWaiting {
      let due = entries[index].due
      if due <= now {
        return action(at: index, now)
      }
      earliest = earliest.map { min($0, due) } ?? due
    }
    self.deadline = earliest
    return nil
  }

  private mutating func action(at index: Int, _ now: Instant) -> Action {
    guard entries[index].requests < requestLimit else {
      // The entry goes, and with the next use everything begins anew, at the
      // earliest a second after the last request.
      var entry = entries.remove(at: index)
      recent = 0
      return .unreachable(entry.parked.take())
    }
    entries[index].requests += 1
    entries[index].due = now + Self.requestInterval
    // RFC 1122 §2.3.2.1 (2): who is believed to be there is asked alone.
    let isProbing = entries[index].state == .probing
    return .request(
      entries[index].address,
      hardware: isProbing ? entries[index].hardware : nil
    )
  }

  /// Forgets every neighbour, as when the link is another. Returns the number
  /// of packets that had waited.
  mutating func removeAll() -> Int {
    var dropped = 0
    while var entry = entries.popLast() {
      dropped += entry.parked.take() == nil ? 0 : 1
    }
    recent = 0
    deadline = nil
    return dropped
  }

  // MARK: Table

  private func find(_ address: IPv4Address) -> Int? {
    if recent < entries.count, entries[recent].address == address {
      return recent
    }
    for index in 0..<entries.count where entries[index].address == address {
      return index
    }
    return nil
  }

  /// Removes the entry that is worth least: one that never answered, if there
  /// is one, so that asking for many that do not exist does not cost one that
  /// does; among those the one that was not used for longest.
  private mutating func evict() -> PacketBuffer? {
    var victim = 0
    for index in 1..<entries.count where isWorthLess(index, than: victim) {
      victim = index
    }
    var entry = entries.remove(at: victim)
    recent = 0
    return entry.parked.take()
  }

  private func isWorthLess(_ index: Int, than other: Int) -> Bool {
    let isIncomplete = entries[index].state == .incomplete
    guard isIncomplete == (entries[other].state == .incomplete) else {
      return isIncomplete
    }
    return entries[index].lastUse < entries[other].lastUse
  }

  private mutating func schedule(_ due: Instant) {
    deadline = deadline.map { min($0, due) } ?? due
  }
}
