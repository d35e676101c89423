/// Every limit of TCP: its default, its reason, and what happens at it.
public struct TCPLimits: Sendable {
  /// Connections at once, but for those in TIME-WAIT that no app holds. The
  /// table grows as they come, a slot and all that belongs to it is under 1 KiB,
  /// and an app's task is 1.6 KiB at the least: ``init(memory:)`` has as many as
  /// the memory bears, up to ``mostConnections``. At the limit a SYN is dropped
  /// and a connect fails with ``NetworkError/limitReached``.
  public var connections = 4096
  /// Listeners at once. At the limit, listening fails with
  /// ``NetworkError/limitReached``.
  public var listeners = 64
  /// The largest backlog of a listener; a larger one asked for is cut to it. A
  /// connection counts from its SYN until it is accepted; at a full backlog a
  /// SYN takes the place of the oldest that is not established and whose
  /// SYN,ACK has gone unanswered for ``halfOpenPatience``. Without one a
  /// cookie is the answer, which nobody here remembers (RFC 4987 §3.6).
  public var backlog = 512
  /// How long a SYN,ACK must have gone unanswered before its connection gives
  /// its place in a full backlog to another: it was sent twice by then, and a
  /// peer that means it has answered one, or sends its SYN again.
  public var halfOpenPatience = Interval.seconds(3)
  /// How many half-open connections are looked at to find one of the listener
  /// whose backlog is full; then a cookie is the answer.
  public var halfOpenCandidates = 64
  /// Connections in TIME-WAIT that no app holds: records of 96 bytes, which come
  /// as they are needed and go when the last is over. At the limit the oldest
  /// ends early.
  public var timeWaitConnections = 8192
  /// Replies that belong to no connection (resets, SYN cookies) and wait to be
  /// sent: as many as frames may come in before any goes out. At the limit no
  /// more are made until some are sent.
  public var pendingReplies = 256

  /// The most received bytes kept for the app, and so the largest window: four
  /// of the largest that a device merges, so that the next are under way while
  /// the app reads. A peer that sends more is dropped; RFC 9293 §3.10.7.4.
  public var receiveBuffer = 256 * 1024
  /// The most written bytes kept until the peer acknowledged them: what is under
  /// way on a path of 40 Mbit/s and 100 ms, twice. A write beyond takes a part,
  /// or nothing. A connection begins with ``initialSendBuffer``.
  public var sendBuffer = 1024 * 1024
  /// Memory for written bytes of all connections together, in blocks of 2 and
  /// 16 KiB, and of those whose last packet is still with the device. When it
  /// is used up a connection has one block of 2 KiB beyond it: a write takes
  /// less at a time, and goes on as the peer acknowledges. One that has nothing
  /// written holds nothing.
  public var sendMemory = 8 * 1024 * 1024
  /// Memory for those first blocks. When it is used up, too, a connection that
  /// holds nothing writes nothing; it is told of room, in its turn, when a
  /// quarter of this is free again.
  public var firstSendMemory = 8 * 1024 * 1024
  /// Segments, or parts of merged ones, kept out of order for a connection: a
  /// receive buffer of full segments is 180. One more is dropped, and the peer
  /// sends it again.
  public var outOfOrderSegments = 192
  /// A segment of no more bytes that comes out of order is copied out of the
  /// device's slot, which may be a hundred times as large, at once: who waits
  /// for what is missing waits long.
  public var smallSegment = 256
  /// Packet slots that stay free for the device to receive into: a guest that
  /// hears nothing could not even be told to close, and what is sent is taken
  /// from there too. Of those beyond, a
  /// connection may hold a quarter of what is still free, so that the more hold
  /// some, the less each gets, and a newcomer finds its share. One that holds
  /// none may have one even of the upper half of the reserve. A segment beyond
  /// is dropped, and the peer sends it again.
  ///
  /// That is for the pool of the stack. A device may receive into a pool of its
  /// own, with larger slots: of its `capacity`, an eighth (but no more than
  /// this) is the reserve, an eighth more is for connections that hold none,
  /// and what is beyond is shared in the same way. So with 512 slots of 16 KiB,
  /// of which 256 wait in the device, 64 stay free, 64 are for newcomers, and
  /// the first to come may hold (256 - 128) / 4 = 32, or half a megabyte. Text
  /// that may not stay there, and text that a slot of the stack would hold when
  /// less than a quarter of the device's are free, is copied: behind the last
  /// that waits, or into slots of the stack's pool by the rule of that one.
  /// Who holds none, and finds no room in either, may have one small slot
  /// (``PacketPool/small``), so that a request is heard though others hold all
  /// else. Only what finds room nowhere is dropped.
  public var reservedPackets = 128
  /// Packet slots beyond the reserve that are for connections that hold none:
  /// those who came before, and fill their windows while the app does not read,
  /// cannot have them. The kernel makes it a quarter of the pool.
  public var firstPackets = 0
  /// Bytes in front of an outgoing TCP header: IP with options is 60, Ethernet
  /// with a tag 18, virtio's header 12.
  public var headroom = 96

  /// The segment size of a peer that names none. RFC 9293 §3.7.1 (MUST-15).
  public var defaultSegmentSize = 536
  /// The smallest segment size believed: smaller ones make a peer's kilobyte
  /// cost us a thousand packets. Linux has the same floor.
  public var minimumSegmentSize = 48

  /// The first retransmission timeout. RFC 6298 §2.1.
  public var initialTimeout = Interval.seconds(1)
  /// The smallest retransmission timeout. RFC 6298 §2.4 asks for 1 s, for
  /// coarse clocks and acknowledgements delayed up to 500 ms; ours is exact
  /// and peers of today delay 40 ms or less, so that a lost tail costs a fifth
  /// of a second. Linux has the same floor.
  public var minimumTimeout = Interval.milliseconds(200)
  /// The largest retransmission timeout. RFC 6298 §2.5.
  public var maximumTimeout = Interval.seconds(60)
  /// The timeout for data when the SYN had to be sent again. RFC 6298 §5.7.
  public var timeoutAfterLostSYN = Interval.seconds(3)
  /// How long a peer may leave data unacknowledged: R2 of RFC 9293 §3.8.3, at
  /// least 100 s. Then the connection fails, ``NetworkError/timedOut``.
  public var giveUp = Interval.seconds(100)
  /// The same for our SYN: at least 3 minutes. RFC 9293 §3.8.3 (MUST-23).
  public var giveUpConnecting = Interval.seconds(180)
  /// The same for our SYN,ACK: shorter, as each half-open connection fills the
  /// backlog, and it is the peer who wants the connection. Then it is dropped.
  public var giveUpAccepting = Interval.seconds(60)
  /// How long an acknowledgement waits for company. RFC 1122 §4.2.3.2 allows
  /// 500 ms; 40 ms keeps below every peer's retransmission timeout.
  public var acknowledgementDelay = Interval.milliseconds(40)
  /// How long TIME-WAIT lasts, 2 MSL: with a maximum segment lifetime of 30 s,
  /// as everywhere today (RFC 9293 §3.4.2 says 2 minutes, an "engineering
  /// choice").
  public var timeWait = Interval.seconds(60)
  /// How long FIN-WAIT-2 waits for the peer's FIN once the app has released
  /// the connection and nobody would read what still comes. RFC 1122
  /// §4.2.2.20 knows no such limit, all systems have one. Then it is dropped.
  public var finWait2 = Interval.seconds(60)

  /// How many bytes a second a peer must take of what was written once the app
  /// has released the connection: the rest has ``giveUp`` and the time that it
  /// takes at this rate. A peer that acknowledges a byte each minute would hold
  /// it for weeks else, and nobody could end it; a path as slow as this is none
  /// that is in use. Then the connection is reset.
  public var releasedRate = 1024

  /// Challenge acknowledgements of a connection within
  /// ``challengePeriod``, and as many answers to keepalives; more are not sent.
  /// RFC 5961 §7. Per connection and
  /// not for all together, because a shared budget tells an attacker on one
  /// connection what happens on another (CVE-2016-5696).
  public var challenges = 10
  /// The period of ``challenges``. RFC 5961 §7.
  public var challengePeriod = Interval.seconds(5)

  /// The first of the ports for connecting out, which go to 65,535; RFC 6335
  /// §6 sets these aside. When all to one destination are in use, connecting
  /// there fails with ``NetworkError/limitReached``.
  public var firstEphemeralPort: UInt16 = 49152

  // MARK: The way

  /// The least that a way is believed to carry: what a link of IPv4 must carry
  /// is 68 bytes, but no link that carries TCP is below this. Datagrams of this
  /// size may be cut where they are too large still. Linux has the same floor.
  public var smallestPathMTU = 552
  /// What is tried first where large segments are lost and nobody says why.
  /// RFC 4821 §7.2; what is tried next is ``smallestPathMTU``.
  public var basePathMTU = 1024
  /// Expiries of the retransmission timer, with nothing acknowledged between,
  /// after which a large segment is taken to be lost for its size, if it may be;
  /// each further one makes the next still smaller. RFC 2923 §2.1.
  public var blackHoleTimeouts = 2

  // MARK: TCP sender

  /// Records of packets sent and not acknowledged, 24 bytes each, of a
  /// connection: as many segments of 1,448 bytes are more than the send buffer.
  /// At the limit neighbours become one record; where they cannot, nothing new
  /// is sent until some are acknowledged. Cutting a record where a part of it is
  /// lost may make twice as many.
  public var flightRecords = 1024
  /// The send buffer that a connection begins with: two of the largest packets
  /// that a device cuts. It has that again after a rest;
  /// it grows with the congestion window, up to ``sendBuffer``, while no more
  /// than half of ``sendMemory`` is in use.
  public var initialSendBuffer = 128 * 1024
  /// How the congestion window of new connections grows and shrinks.
  public var congestionControl = CongestionControl.cubic
  /// How late a peer may acknowledge a single segment: a probe for it waits so
  /// much longer. RFC 8985 §7.2 (WCDelAckT).
  public var worstAcknowledgementDelay = Interval.milliseconds(200)
  /// The least time after which a probe asks after what was sent last: where
  /// two round trips are less, a machine that has other things to do would be
  /// taken for a path that has lost something.
  public var minimumProbeTimeout = Interval.milliseconds(10)

  // MARK: TCP receiver and defence

  /// Bytes of packet slots that a connection holds of segments out of order:
  /// twice the receive buffer, as a slot is not full. One more is dropped, and
  /// the peer sends it again.
  public var outOfOrderMemory = 512 * 1024
  /// Segments of a connection that are acknowledged at once, at the start and
  /// after silence: the peer's window is small then, and grows with each
  /// acknowledgement. The initial window of RFC 6928 and half as many again.
  public var quickAcknowledgements = 16
  /// The receive buffer that a connection begins with; it grows up to
  /// ``receiveBuffer`` while the app reads what comes as fast as it comes.
  public var initialReceiveBuffer = 64 * 1024
  /// R1: expiries of the retransmission timer, with nothing acknowledged
  /// between, after which IP is told that the way may be dead. RFC 9293 §3.8.3:
  /// at least 3.
  public var suspicion = 3
  /// Probes of ``Stack/setKeepalive(_:after:every:probes:at:)`` that may go unanswered, and
  /// what is between them: what Linux has.
  public var keepaliveProbes = 9
  /// See ``keepaliveProbes``.
  public var keepaliveInterval = Interval.seconds(75)
  /// Whether a full backlog answers SYNs with cookies (RFC 4987 §3.6), and not
  /// with silence.
  public var usesCookies = true
  /// Whether connections that we open ask for explicit congestion notification.
  /// Who asks us gets it. RFC 3168 §6.1.1.
  public var requestsECN = false

  // MARK: Scale

  /// The most connections of ``init(memory:)``: the table of their ends has a
  /// word for each from the start.
  public static var mostConnections: Int { 65_536 }
  /// The memory that a connection is taken to cost: its slot, with its places
  /// in lists (0.8 KiB), and a task of the app that waits for bytes (1.6 KiB;
  /// one that has an answer under way, some more).
  public static var memoryOfConnection: Int { 3584 }

  /// The defaults.
  public init() {}

  /// The limits for a machine with `memory` bytes: what the worst peers can make
  /// all connections hold together still fits. Buffers are as large as a machine
  /// of 64 MiB can bear, and 64 KiB in a small one.
  ///
  ///     memory                     64 MiB   16 MiB
  ///     packets, books, the image      10        5
  ///     sendMemory                      8        2
  ///     firstSendMemory                 8        2
  ///     small slots                     2        0.5
  ///     connections                    40        4   11,702 and 1,170
  ///
  /// and the rest for what else the app allocates.
  public init(memory: Int) {
    receiveBuffer = min(receiveBuffer, max(memory / 192, 64 * 1024))
    sendBuffer = min(sendBuffer, max(memory / 64, 64 * 1024))
    outOfOrderSegments = min(outOfOrderSegments, receiveBuffer / 1024)
    outOfOrderMemory = min(outOfOrderMemory, 2 * receiveBuffer)
    let forConnections = memory - memory / 4 - 8 * 1024 * 1024
    connections = min(
      max(forConnections / Self.memoryOfConnection, memory / (32 * 1024), 64),
      Self.mostConnections
    )
    sendMemory = min(sendMemory, memory / 8)
    firstSendMemory = min(firstSendMemory, memory / 8)
    timeWaitConnections = min(timeWaitConnections, connections / 2)
    backlog = min(backlog, connections / 8)
  }
}

extension TCPLimits {
  /// Text of up to so many bytes is copied behind what waits before it, where
  /// that has room: it costs less than a slot.
  static var smallText: Int { 2048 }
  /// Peers, and ways that carry less, of which IP is told at a time: one machine
  /// that is gone has many connections. The rest is told of later, or not.
  static var reports: Int { 16 }
  /// How often in a second all connections are looked at because a way carries
  /// less than was known: a few milliseconds for ten thousand.
  static var pathScans: Int { 16 }
  /// Books of what is in flight that are kept for the next connection: as many
  /// may begin to send between two that end to, without an allocation.
  static var spareRecords: Int { 64 }
  /// The most records that such a book has room for.
  static var largestSpareRecords: Int { 256 }
  /// Books of what came early that are kept: so many connections at once may
  /// have a hole, without an allocation.
  static var spareEarly: Int { 32 }

  /// ``initialSendBuffer``, if ``sendBuffer`` is no less.
  var firstSendBuffer: Int { min(initialSendBuffer, sendBuffer) }

  /// Whether a connection that holds `held` packets may hold one more, of a
  /// pool of which `free` slots are free: see ``reservedPackets``.
  func mayHold(_ held: Int, free: Int) -> Bool {
    Self.mayHold(held, free: free, reserve: reservedPackets, firstPackets)
  }

  /// The same for the pool of a device, of `capacity` slots.
  func mayHold(_ held: Int, free: Int, ofDevice capacity: Int) -> Bool {
    let part = capacity / 8
    return Self.mayHold(
      held,
      free: free,
      reserve: min(reservedPackets, part),
      part
    )
  }

  private static func mayHold(
    _ held: Int,
    free: Int,
    reserve: Int,
    _ first: Int
  ) -> Bool {
    held == 0 ? free > reserve / 2 : held < (free - reserve - first) / 4
  }
}
