import Packets

/// Every TCP connection and listener of a stack. RFC 9293.
struct TCP: ~Copyable {
  /// What happened so far.
  private(set) var counters = TCPCounters()

  init(limits: TCPLimits, secret: SipHash.Key, random: RandomNumbers) {}

  mutating func listen(
    port: UInt16,
    backlog: Int
  ) throws(NetworkError) -> ListenerID { throw .limitReached }
  mutating func stopListening(_ id: ListenerID, at now: Instant) {}
  mutating func accept(_ id: ListenerID) -> ConnectionID? { nil }
  mutating func connect(
    from source: IPv4Address,
    to remote: Endpoint,
    maximumSegmentSize: Int,
    at now: Instant
  ) throws(NetworkError) -> ConnectionID { throw .limitReached }

  /// `freePackets`: what is left in the pool that segments come from.
  mutating func receive(
    _ segment: consuming PacketBuffer,
    from source: IPv4Address,
    to destination: IPv4Address,
    maximumSegmentSize: Int,
    freePackets: Int,
    at now: Instant
  ) {}
  mutating func transmit(
    at now: Instant,
    pool: PacketPool
  ) -> OutgoingSegment? { nil }
  mutating func poll(at now: Instant) {}
  var deadline: Instant? { nil }

  mutating func read(_ id: ConnectionID, at now: Instant) -> ReadResult {
    .failed(.closed)
  }
  mutating func write(
    _ id: ConnectionID,
    _ bytes: RawSpan,
    at now: Instant
  ) throws(NetworkError) -> Int { throw .closed }
  mutating func close(_ id: ConnectionID, at now: Instant) {}
  mutating func abort(_ id: ConnectionID, at now: Instant) {}
  mutating func release(_ id: ConnectionID, at now: Instant) {}
  mutating func setNoDelay(
    _ id: ConnectionID,
    _ noDelay: Bool,
    at now: Instant
  ) {}
  func state(_ id: ConnectionID) -> TCPState? { nil }
  func local(_ id: ConnectionID) -> Endpoint? { nil }
  func remote(_ id: ConnectionID) -> Endpoint? { nil }
  func information(_ id: ConnectionID) -> TCPInformation? { nil }

  /// An ICMP destination unreachable quoted a segment of ours:
  /// `isHard` for protocol or port unreachable and the like.
  mutating func destinationUnreachable(
    local: Endpoint,
    remote: Endpoint,
    sequenceNumber: UInt32,
    isHard: Bool,
    at now: Instant
  ) {}
  mutating func abortAll(from address: IPv4Address, at now: Instant) {}
  mutating func nextEvent() -> TCPEvent? { nil }
}
