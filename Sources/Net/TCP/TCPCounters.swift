/// What happened, and why segments and bytes were dropped. Each counts from
/// zero and wraps.
public struct TCPCounters: Hashable, Sendable {
  /// Segments that came in, good or bad.
  public internal(set) var segmentsReceived: UInt64 = 0
  /// Segments that went out.
  public internal(set) var segmentsSent: UInt64 = 0
  /// Segments that went out again.
  public internal(set) var segmentsRetransmitted: UInt64 = 0
  /// Bytes put before the app.
  public internal(set) var bytesReceived: UInt64 = 0
  /// The app's bytes sent, each counted once.
  public internal(set) var bytesSent: UInt64 = 0

  /// Connections that the app opened.
  public internal(set) var connectionsOpened: UInt64 = 0
  /// Connections that a peer opened, handshake complete.
  public internal(set) var connectionsAccepted: UInt64 = 0
  /// Connections that ended with an error.
  public internal(set) var connectionsFailed: UInt64 = 0
  /// Of these, because the peer did not answer.
  public internal(set) var connectionsTimedOut: UInt64 = 0
  /// Connections to a listener that ended before the app took them.
  public internal(set) var connectionsNeverAccepted: UInt64 = 0
  /// Released connections whose peer sent no FIN in time.
  public internal(set) var finWait2Expired: UInt64 = 0
  /// Released connections whose peer took what was written too slowly.
  public internal(set) var releasedExpired: UInt64 = 0
  /// TIME-WAIT ended early for a new connection of the same two endpoints.
  public internal(set) var timeWaitReopened: UInt64 = 0
  /// TIME-WAIT ended early for want of room.
  public internal(set) var timeWaitEvicted: UInt64 = 0

  /// Expiries of the retransmission timer.
  public internal(set) var retransmissionTimeouts: UInt64 = 0
  /// Losses told by three duplicate acknowledgements.
  public internal(set) var fastRetransmissions: UInt64 = 0
  /// Duplicate acknowledgements.
  public internal(set) var duplicateAcknowledgements: UInt64 = 0
  /// Bytes sent into a shut window.
  public internal(set) var windowProbes: UInt64 = 0
  /// Acknowledgements that waited their full time for company.
  public internal(set) var delayedAcknowledgements: UInt64 = 0
  /// Bytes copied out of the slots of a device, which were short.
  public internal(set) var bytesCopied: UInt64 = 0
  /// Segments kept before their turn.
  public internal(set) var outOfOrderKept: UInt64 = 0
  /// Resets sent.
  public internal(set) var resetsSent: UInt64 = 0
  /// Resets that ended a connection.
  public internal(set) var resetsReceived: UInt64 = 0
  /// Acknowledgements in reply to what could be an attack. RFC 5961.
  public internal(set) var challengesSent: UInt64 = 0
  /// Those that the limit kept back.
  public internal(set) var challengesSuppressed: UInt64 = 0
  /// Acknowledgements in reply to a keepalive. RFC 9293 §3.8.4.
  public internal(set) var probesAnswered: UInt64 = 0
  /// SYNs that came again before the handshake was complete.
  public internal(set) var synsRepeated: UInt64 = 0
  /// ICMP errors that named a connection.
  public internal(set) var unreachableReceived: UInt64 = 0
  /// ICMP errors that named none, or nothing under way on it.
  public internal(set) var unreachableIgnored: UInt64 = 0

  /// Dropped: no header, or none that is whole.
  public internal(set) var malformed: UInt64 = 0
  /// Not dropped: an option's length was wrong, and the rest was not read.
  public internal(set) var malformedOptions: UInt64 = 0
  /// Dropped: the checksum is wrong.
  public internal(set) var checksumWrong: UInt64 = 0
  /// Dropped: the source is no host's address, or the destination is not one
  /// host's. RFC 9293 §3.9.2.3 (MUST-63), RFC 1122 §4.2.3.10.
  public internal(set) var notUnicast: UInt64 = 0
  /// Dropped: no connection and no listener has it.
  public internal(set) var noConnection: UInt64 = 0
  /// Half-open connections that gave their place in a full backlog.
  public internal(set) var halfOpenEvicted: UInt64 = 0
  /// Dropped SYN: the listener's backlog is full.
  public internal(set) var backlogFull: UInt64 = 0
  /// Dropped SYN: the connection table is full.
  public internal(set) var tableFull: UInt64 = 0
  /// Dropped replies: too many wait.
  public internal(set) var repliesFull: UInt64 = 0
  /// Dropped: the sequence number lies outside the window.
  public internal(set) var outsideWindow: UInt64 = 0
  /// Dropped: the acknowledgement number is impossible.
  public internal(set) var badAcknowledgements: UInt64 = 0
  /// Dropped: no acknowledgement where there must be one.
  public internal(set) var withoutAcknowledgement: UInt64 = 0
  /// Dropped in SYN-SENT: neither SYN nor RST.
  public internal(set) var notSynchronized: UInt64 = 0
  /// Dropped resets: not in the window, or not in reply to our SYN.
  public internal(set) var resetsOutsideWindow: UInt64 = 0
  /// Resets in the window but not at its start, challenged.
  public internal(set) var resetsChallenged: UInt64 = 0
  /// SYNs on a synchronized connection, challenged.
  public internal(set) var synsChallenged: UInt64 = 0
  /// SYNs that sent a half-open connection back to LISTEN.
  public internal(set) var synsInWindow: UInt64 = 0
  /// Bytes cut off: received before.
  public internal(set) var duplicateBytes: UInt64 = 0
  /// Bytes cut off: beyond the window, or beyond the FIN.
  public internal(set) var bytesBeyondWindow: UInt64 = 0
  /// Dropped: out of order, and there already.
  public internal(set) var outOfOrderDuplicates: UInt64 = 0
  /// Dropped: out of order, and too many are kept.
  public internal(set) var outOfOrderDropped: UInt64 = 0
  /// Dropped text: packets are short, and the device needs the last.
  public internal(set) var packetsShort: UInt64 = 0
  /// Segments not sent yet because the pool was empty.
  public internal(set) var poolEmpty: UInt64 = 0
  /// Connections reset because text came that nobody would read.
  public internal(set) var dataAfterRelease: UInt64 = 0

  // MARK: Link and IP

  /// Connections whose way was found to carry less than thought.
  public internal(set) var pathsSmaller: UInt64 = 0
  /// How often all connections were looked at because a way carries less.
  public internal(set) var pathScans: UInt64 = 0
  /// Connections whose way was found to lose what is large, though nobody said
  /// so.
  public internal(set) var blackHoles: UInt64 = 0

  // MARK: DHCP, DNS and names

  // MARK: TCP sender

  /// Acknowledgements that tell of something that has come twice. RFC 2883.
  public internal(set) var duplicatesReported: UInt64 = 0
  /// Losses told by the time that reordering explains. RFC 8985 §6.2.
  public internal(set) var reorderingExpired: UInt64 = 0
  /// Probes for the last that was sent. RFC 8985 §7.
  public internal(set) var tailLossProbes: UInt64 = 0
  /// Reductions of the congestion window that turned out to be for nothing, and
  /// were taken back. RFC 5682, RFC 3708.
  public internal(set) var reductionsUndone: UInt64 = 0
  /// Reductions of the congestion window for what routers marked. RFC 3168.
  public internal(set) var congestionEchoes: UInt64 = 0
  /// Peers that threw away what they said they had. RFC 2018 §8.
  public internal(set) var reneged: UInt64 = 0

  // MARK: TCP receiver and defence

  /// Segments whose datagram says that congestion was experienced. RFC 3168 §5.
  public internal(set) var congestionExperienced: UInt64 = 0
  /// Dropped: older than what was taken, by its timestamp. RFC 7323 §5.
  public internal(set) var timestampsOld: UInt64 = 0
  /// Dropped: no timestamp where there must be one. RFC 7323 §3.2.
  public internal(set) var withoutTimestamp: UInt64 = 0
  /// Probes of peers that had nothing to say. RFC 9293 §3.8.4.
  public internal(set) var keepaliveProbes: UInt64 = 0
  /// Ways that were told to IP as perhaps dead: R1 of RFC 9293 §3.8.3.
  public internal(set) var pathsSuspected: UInt64 = 0
  /// Segments in TIME-WAIT that changed nothing, resets among them. RFC 1337.
  public internal(set) var timeWaitIgnored: UInt64 = 0
  /// SYNs to a full backlog that were answered with a cookie. RFC 4987 §3.6.
  public internal(set) var cookiesSent: UInt64 = 0
  /// Cookies that came back, and made a connection.
  public internal(set) var cookiesAccepted: UInt64 = 0
  /// Acknowledgements, while cookies were out, that came back with none.
  public internal(set) var cookiesWrong: UInt64 = 0
  /// Cookies that came back and found no room: the peer sends again.
  public internal(set) var cookiesWithoutRoom: UInt64 = 0
  /// Segments out of order that were dropped though the peer may have been told
  /// of them: what came in its turn needed the room. RFC 2018 §8.
  public internal(set) var selectivelyReneged: UInt64 = 0

  // MARK: Scale

  /// Writes of which nothing was taken, as there was no memory for what
  /// connections send: see ``TCPLimits/firstSendMemory``.
  public internal(set) var sendMemoryShort: UInt64 = 0

  /// Nothing happened yet.
  public init() {}
}
