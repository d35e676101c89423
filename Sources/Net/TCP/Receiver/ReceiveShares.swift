import Packets

/// What of the packet slots each connection may be promised, so that what all
/// are promised together can be held.
///
/// A window is a promise, and its right edge never moves left: RFC 9293 §3.8.6.
/// So what is promised goes by who receives, and by what is free when it is
/// promised:
///
///     among few, half of the slots free    what the connection asks for
///     else                                 free slots / those that receive
///     a SYN                                free slots / connections
///
/// and in any case so much that the peer can go on. Those who say nothing have
/// been promised something nevertheless; it is the one thing that is not held.
struct ReceiveShares {
  /// Connections on which text came in this period, and in the one before.
  private var current = 0
  private var former = 0
  /// Tells the period from the one before; never 0.
  private var period: UInt16 = 1
  private var periodEnd = Instant(nanoseconds: 0)
  /// Slots that are free beyond the reserve, and beyond what is for newcomers.
  private var spare = 0
  /// Whether less than half of all slots is free.
  private var isShort = false

  /// How long a connection counts as one that receives: some round trips, most
  /// of which are shorter.
  private static let periodLength = Interval.milliseconds(100)
  /// Among no more it is left to ``TCPLimits/mayHold(_:free:)``, which gives each
  /// a quarter.
  private static let few = 4
  /// Full segments that are promised in any case: one that is acknowledged at
  /// once is every second. RFC 9293 §3.8.6.2.2 would have more.
  private static let leastSegments = 2
  /// The same in a SYN, from which the peer begins.
  private static let leastSegmentsAtFirst = 4
  /// Among no more connections a SYN promises what they begin with.
  private static let fewConnections = 32

  /// Notes how many slots of `pool` are free.
  @inline(__always)
  mutating func look(at pool: PacketPool, _ limits: borrowing TCPLimits) {
    let free = pool.available
    spare = free - limits.reservedPackets - limits.firstPackets
    isShort = free < pool.capacity / 2
  }

  /// Text came on a connection, on which text came before in the period `last`.
  @inline(__always)
  mutating func received(_ last: inout UInt16, at now: Instant) {
    if now >= periodEnd { turn(at: now) }
    guard last != period else { return }
    last = period
    current += 1
  }

  private mutating func turn(at now: Instant) {
    // Of what was long ago nothing is left.
    former = now - periodEnd < Self.periodLength ? current : 0
    current = 0
    period = period == .max ? 1 : period + 1
    periodEnd = now + Self.periodLength
  }

  /// How many connections receive.
  private var receivers: Int { max(current, former) }

  /// The full segments that a connection may be promised, or `nil`: as many as
  /// it asks for.
  @inline(__always)
  var segments: Int? {
    guard isShort || receivers > Self.few else { return nil }
    return max(spare / max(receivers, Self.few), Self.leastSegments)
  }

  /// The bytes that a SYN may promise, of `most`, when there are `connections`.
  func firstWindow(
    of most: Int,
    connections: Int,
    segmentSize: Int
  ) -> Int {
    guard connections > Self.fewConnections else { return most }
    let segments = max(spare / connections, Self.leastSegmentsAtFirst)
    return min(most, segments * segmentSize)
  }
}
