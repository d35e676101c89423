import BasicContainers
import Packets

/// Where TCP meets IP, and what apps see of TCP.
extension Stack {
  // MARK: From and to the wire

  /// The largest segment that a datagram carries. RFC 9293 §3.7.1 (MUST-67):
  /// without the options that one segment may have.
  @_addressableSelf
  private func maximumSegmentSize(on interface: Int) -> Int {
    interfaces[interface].linkMTU - IPv4Header.size - TCPHeader.minimumLength
  }

  /// Takes a segment, which `header` was before.
  mutating func receiveTCP(
    _ segment: consuming PacketBuffer,
    _ header: IPv4Header,
    on interface: Int,
    at now: Instant
  ) {
    tcp.receive(
      segment,
      from: IPAddress(header.source),
      to: IPAddress(header.destination),
      ecn: header.ecn,
      maximumSegmentSize: maximumSegmentSize(on: interface),
      pool: pool,
      on: interface,
      at: now
    )
    if tcp.hasPathNews { exchangePathNews(at: now) }
    // RFC 4861 §7.3.1: what we send arrives, so the neighbour is there.
    guard let peer = tcp.progressingPeer.take()?.ipv4,
      case .neighbour(let address) = nextHop(to: peer, on: interface)
    else { return }
    interfaces[interface].neighbours.confirm(address, at: now)
  }

  /// RFC 9293 §3.8.3 (MUST-20), RFC 1122 §3.3.1.4: TCP gets no answers, and the
  /// next hop may be gone: it is asked, though it was heard of lately.
  mutating func lookForSuspects(at now: Instant) {
    while let (peer, interface) = tcp.nextSuspect() {
      guard let destination = peer.ipv4,
        case .neighbour(let address) = nextHop(to: destination, on: interface)
      else { continue }
      interfaces[interface].neighbours.suspect(address, at: now)
    }
  }

  /// The next segment that TCP wants to send over `interface`, from its IP
  /// header on.
  mutating func nextSegment(
    on interface: Int,
    at now: Instant
  ) -> PacketBuffer? {
    while let segment = tcp.transmit(on: interface, at: now, pool: pool) {
      // What TCP still says from an address that was given up goes nowhere.
      guard let source = segment.source.ipv4, isOurs(source, on: interface),
        let destination = segment.destination.ipv4
      else {
        count.drop(.addressLost)
        continue
      }
      let (ecn, mayFragment) = (segment.ecn, segment.mayFragment)
      let services = segment.differentiatedServices
      let timeToLive = segment.timeToLive
      var packet = segment.packet
      prependIPv4(
        to: &packet,
        IPv4Header.ProtocolNumber.tcp,
        from: source,
        to: destination,
        ecn: ecn,
        differentiatedServices: services,
        mayFragment: mayFragment,
        timeToLive: timeToLive
      )
      return packet
    }
    return nil
  }

  // MARK: For apps

  /// Opens a listener that accepts connections to `port` of every address that
  /// is bound, now or later, or of the one that `options` name; `backlog` of them
  /// may wait to be accepted.
  ///
  /// - Throws: ``NetworkError/addressInUse`` when another listener has the
  ///   port at that address, or at all or one where this is for all, ``NetworkError/limitReached`` at ``TCPLimits/listeners``.
  public mutating func listen(
    port: UInt16,
    backlog: Int,
    options: ConnectionOptions = ConnectionOptions()
  ) throws(NetworkError) -> ListenerID {
    try tcp.listen(port: port, backlog: backlog, options: options)
  }

  /// Closes the listener; connections that were not accepted are reset.
  public mutating func stopListening(
    _ listener: ListenerID,
    at now: Instant
  ) {
    tcp.stopListening(listener, at: now)
  }

  /// The oldest connection that waits to be accepted, or `nil`;
  /// ``TCPEvent/acceptable(_:)`` tells of one.
  public mutating func accept(_ listener: ListenerID) -> ConnectionID? {
    tcp.accept(listener)
  }

  /// Begins to connect to `remote`; ``ConnectionChanges/established`` or
  /// ``ConnectionChanges/failed`` tells how it ended.
  ///
  /// - Throws: ``NetworkError/noAddress`` before an address is bound, and when no
  ///   interface has that of `options`, ``NetworkError/unreachable`` when no
  ///   route leads there, ``NetworkError/limitReached`` at a limit of
  ///   ``TCPLimits``.
  public mutating func connect(
    to remote: Endpoint,
    options: ConnectionOptions = ConnectionOptions(),
    at now: Instant
  ) throws(NetworkError) -> ConnectionID {
    guard remote.port != 0, let address = remote.address.ipv4 else {
      throw NetworkError.unreachable
    }
    let path = try path(to: address, from: options.localAddress)
    switch nextHop(to: address, on: path.interface) {
    case .neighbour, .loopback: break
    case .broadcast, .group, nil: throw NetworkError.unreachable
    }
    let id = try tcp.connect(
      from: IPAddress(path.source),
      to: remote,
      maximumSegmentSize: maximumSegmentSize(on: path.interface),
      on: path.interface,
      options: options,
      at: now
    )
    exchangePathNews(at: now)
    return id
  }

  /// The way to `destination`, from `source` if the app has chosen one.
  @_addressableSelf
  private func path(
    to destination: IPv4Address,
    from source: IPAddress?
  ) throws(NetworkError) -> Path {
    guard let source else { return try path(to: destination) }
    guard let source = source.ipv4 else { throw .noAddress }
    // What stays on this host comes from where it goes to.
    if source.isLoopback || destination.isLoopback {
      guard source == destination else { throw .unreachable }
      return try path(to: destination)
    }
    guard let interface = interface(of: source) else { throw .noAddress }
    return try path(to: destination, on: interface)
  }

  /// Takes the next received bytes, in the packet they came in.
  public mutating func read(
    _ connection: ConnectionID,
    at now: Instant
  ) -> ReadResult {
    tcp.read(connection, at: now)
  }

  /// Takes a copy of as many of `bytes` as there is room for, to be sent.
  ///
  /// - Returns: How many were taken; when not all,
  ///   ``ConnectionChanges/writable`` tells of room.
  /// - Throws: Why the connection has ended, or ``NetworkError/closed`` when
  ///   its sending end is closed.
  public mutating func write(
    _ bytes: RawSpan,
    to connection: ConnectionID,
    at now: Instant
  ) throws(NetworkError) -> Int {
    try tcp.write(connection, bytes, at: now)
  }

  /// Takes a packet that ``read(_:at:)`` has given, to be sent: from where it
  /// is, if the device takes fragments and has slots to spare, else copied.
  ///
  /// - Returns: What of it there was no room for, or `nil` when all was taken;
  ///   ``ConnectionChanges/writable`` tells of room.
  /// - Throws: As ``write(_:to:at:)``.
  public mutating func write(
    consuming packet: consuming PacketBuffer,
    to connection: ConnectionID,
    at now: Instant
  ) throws(NetworkError) -> PacketBuffer? {
    try tcp.write(connection, consuming: packet, pool: pool, at: now)
  }

  /// Closes the sending end, once all that was written is sent. RFC 9293
  /// §3.9.1.4.
  public mutating func close(_ connection: ConnectionID, at now: Instant) {
    tcp.close(connection, at: now)
  }

  /// Ends the connection at once with a reset. RFC 9293 §3.9.1.5.
  public mutating func abort(_ connection: ConnectionID, at now: Instant) {
    tcp.abort(connection, at: now)
  }

  /// Says that the app will not use the connection any more: what was written
  /// is still sent, what comes is not kept.
  public mutating func release(_ connection: ConnectionID, at now: Instant) {
    tcp.release(connection, at: now)
  }

  /// Sets whether small segments are sent while others are not acknowledged:
  /// `true` switches Nagle's algorithm off. RFC 9293 §3.7.4.
  public mutating func setNoDelay(
    _ connection: ConnectionID,
    _ noDelay: Bool,
    at now: Instant
  ) {
    tcp.setNoDelay(connection, noDelay, at: now)
  }

  /// Sets whether small segments wait for what is written next: for 200 ms at
  /// most, and not when the sending end is closed.
  public mutating func setCork(
    _ connection: ConnectionID,
    _ isCorked: Bool,
    at now: Instant
  ) {
    tcp.setCork(connection, isCorked, at: now)
  }

  /// Asks a peer that has nothing to say for `idle` whether it is still there,
  /// and fails the connection when it is not: when none of so many `probes`, an
  /// `interval` apart, was answered. What is not given is as in
  /// ``TCPLimits/keepaliveProbes``. `nil` for the first, as is the default: does
  /// not ask. RFC 9293 §3.8.4.
  ///
  /// Times are in whole seconds, at least one.
  public mutating func setKeepalive(
    _ connection: ConnectionID,
    after idle: Interval?,
    every interval: Interval? = nil,
    probes: Int? = nil,
    at now: Instant
  ) {
    tcp.setKeepalive(
      connection,
      after: idle,
      every: interval,
      probes: probes,
      at: now
    )
  }

  /// Sets how routers are to treat what is sent from now on. RFC 9293 §3.9.1.9
  /// (MUST-48).
  public mutating func setDifferentiatedServices(
    _ connection: ConnectionID,
    _ services: DifferentiatedServices
  ) {
    tcp.setDifferentiatedServices(connection, services)
  }

  /// Sets how many routers may pass on what is sent from now on; 0 counts as 1.
  /// RFC 9293 §3.9.2 (MUST-49).
  public mutating func setTimeToLive(
    _ connection: ConnectionID,
    _ timeToLive: UInt8
  ) {
    tcp.setTimeToLive(connection, timeToLive)
  }

  /// Sets how long the peer may leave what was sent unanswered, or its window
  /// shut while something waits, until the connection fails with
  /// ``NetworkError/timedOut``; `nil`: as long as ``TCPLimits/giveUp`` says, and
  /// a peer that answers may keep its window shut. RFC 9293 §3.8.3 (R2),
  /// §3.9.1.1.
  public mutating func setUserTimeout(
    _ connection: ConnectionID,
    _ timeout: Interval?,
    at now: Instant
  ) {
    tcp.setUserTimeout(connection, timeout, at: now)
  }

  /// Takes a copy as ``write(_:to:at:)`` does, and calls it, and what was
  /// written before it, urgent. For old protocols; new ones should not.
  /// RFC 9293 §3.8.5.
  public mutating func write(
    urgent bytes: RawSpan,
    to connection: ConnectionID,
    at now: Instant
  ) throws(NetworkError) -> Int {
    try tcp.write(connection, bytes, isUrgent: true, at: now)
  }

  /// The connection's state, or `nil` when it is released.
  public func state(of connection: ConnectionID) -> TCPState? {
    tcp.state(connection)
  }

  /// Our end of the connection, or `nil` when it is released.
  public func local(of connection: ConnectionID) -> Endpoint? {
    tcp.local(connection)
  }

  /// The peer's end of the connection, or `nil` when it is released.
  public func remote(of connection: ConnectionID) -> Endpoint? {
    tcp.remote(connection)
  }

  /// What can be seen of the connection, or `nil` when it is released.
  public func information(of connection: ConnectionID) -> TCPInformation? {
    tcp.information(connection)
  }

  /// Whether anything that was written to a connection, or its end, is not yet
  /// acknowledged. Scans the connections.
  public var hasUnacknowledged: Bool { tcp.hasUnacknowledged }

  /// The connections there are, half-open and closing ones included.
  public var connectionCount: Int { tcp.connectionCount }
}
