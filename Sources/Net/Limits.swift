/// What the stack holds at the most, beside TCP, whose limits are its own. At
/// every limit the stack refuses, counts, and goes on.
public struct Limits: Sendable {
  /// Neighbours known at once. 64 fill the cache lines of a page; beyond, who
  /// makes room ``NeighbourCache`` says.
  public var neighbours = 64
  /// Of a full cache, the places that those who are asked for may take from
  /// those who are known.
  public var neighboursAsked = 16
  /// How long who is asked for keeps its place in a full cache: a hundred times
  /// as long as an answer takes on a link at hand.
  public var neighbourPatience: Interval = .milliseconds(100)
  /// ARP requests a second for neighbours that were not asked for before, all
  /// together.
  public var neighbourRequestsASecond = 256
  /// How long a neighbour is believed without a check, a half more or less:
  /// BASE_REACHABLE_TIME of RFC 4861 §10. RFC 1122 §2.3.2.1 names "on the order
  /// of a minute".
  public var neighbourLifetime: Interval = .seconds(30)
  /// ARP requests to one neighbour, one a second (RFC 1122 §2.3.2.1), until it
  /// counts as unreachable.
  public var neighbourRequests = 3

  /// Replies and requests of the stack itself (ARP, ICMP, DHCP, packets whose
  /// neighbour has just answered) that wait for the device. What comes beyond
  /// is dropped as ``DropReason/controlQueueFull``. As many as frames may come
  /// in before any goes out: each may be an echo request.
  public var controlPackets = 256

  /// ICMP errors a second. Echo replies are not bounded: one request is one
  /// reply of the same size. RFC 1812 §4.3.2.8.
  public var errorsPerSecond: Int64 = 100
  /// ICMP errors at once, after a second of silence.
  public var errorsBurst: Int64 = 20

  /// UDP sockets at once; more are refused with ``NetworkError/limitReached``.
  public var sockets = 32
  /// Datagrams that wait in one socket for the app; more are dropped as
  /// ``DropReason/udpQueueFull``.
  public var datagramsPerSocket = 64
  /// Datagrams that wait in all sockets together, so that slow apps cannot take
  /// every receive buffer from the others. Beyond, the socket that holds most
  /// gives up its oldest for one that holds less.
  public var datagrams = 128
  /// Datagrams of one socket that wait for the device; `send` answers `false`
  /// until there is room.
  public var unsentDatagramsPerSocket = 16
  /// Buffers that stay free for each one that datagrams to be sent over one link
  /// hold, those of all sockets together; `send` answers `false` until there are
  /// as many. While one link is down half of the stack's buffers are left to the
  /// others, with two a third, and some always for ARP, ICMP and TCP.
  public var freeBuffersPerUnsent = 1

  // MARK: Link and IP

  /// Datagrams that wait for the answer of one neighbour, one in parts being one;
  /// the oldest is dropped as ``DropReason/neighbourPending`` beyond. The first
  /// burst of a connection fits.
  public var packetsPerNeighbour = 8
  /// Packets that wait for all neighbours together; beyond, the oldest datagram
  /// of the one that most wait for is dropped. The largest datagram fits
  /// where packets have 1,044 bytes and more; where they have less, it is not sent
  /// before the neighbour is known.
  public var packetsForNeighbours = 64
  /// Datagrams that are put together at once; each may take 66 KB. The oldest is
  /// given up beyond.
  public var reassemblies = 8
  /// Large datagrams that were put together and that apps have not read yet.
  public var largeDatagrams = 4
  /// How long the parts of a datagram are waited for. RFC 1122 §3.3.2 has 60 to
  /// 120 s, from times when packets took that long; 30 s bound what strangers
  /// can make us keep.
  public var reassemblyTime: Interval = .seconds(30)
  /// Hosts of which it is known that the way there takes only small datagrams.
  public var pathMTUs = 32
  /// How long that is believed. RFC 1191 §6.3: 10 minutes.
  public var pathMTULifetime: Interval = .seconds(600)
  /// Interfaces of the host.
  public var interfaces = 32
  /// Routes, those of leases included; the link of each lease and its gateway
  /// have places beside them.
  public var routes = 64
  /// Groups that are joined at once.
  public var groups = 16
  /// When an address is probed, announced and defended.
  public var conflict = ConflictTiming()

  /// The limits as they are documented.
  public init() {}
}
