import BasicContainers
import Packets

/// What apps ask. RFC 9293 §3.9.1.
extension TCP {
  /// Takes connections to `port` of every address of ours, or of the one that
  /// `options` name, up to `backlog` at a time that are not accepted. A port has
  /// one listener for all addresses, or one for each.
  ///
  /// - Precondition: Neither is zero or less.
  /// - Throws: `addressInUse`, `limitReached`.
  mutating func listen(
    port: UInt16,
    backlog: Int,
    options: ConnectionOptions = ConnectionOptions()
  ) throws(NetworkError) -> ListenerID {
    precondition(port != 0 && backlog > 0)
    let others = listenerOfPort[port]
    var other = others
    while let index = other {
      let address = listeners[Int(index)].options.localAddress
      guard let address, let ours = options.localAddress, ours != address
      else { throw .addressInUse }
      other = listeners[Int(index)].nextOfPort
    }
    let free = listeners.firstIndex { !$0.isListening }
    guard free != nil || listeners.count < limits.value.listeners else {
      throw .limitReached
    }
    let index = free ?? listeners.count
    let listener = Listener(
      port: port,
      backlog: min(backlog, limits.value.backlog),
      options: options,
      generation: free.map { listeners[$0].generation &+ 1 } ?? 0,
      nextOfPort: others,
      acceptable: SlotList(number: Self.firstAcceptable + UInt16(index))
    )
    if free == nil {
      listeners.append(listener)
    } else {
      listeners[index] = listener
    }
    listenerOfPort[port] = UInt32(index)
    return ListenerID(index: UInt32(index), generation: listener.generation)
  }

  /// The listener that takes connections to `local`, if there is one.
  func listener(at local: Endpoint) -> UInt32? {
    var next = listenerOfPort[local.port]
    while let index = next {
      let address = listeners[Int(index)].options.localAddress
      if address == nil || address == local.address { return index }
      next = listeners[Int(index)].nextOfPort
    }
    return nil
  }

  /// The listener at `index` has its port no more.
  private mutating func leavePort(_ index: Int) {
    let port = listeners[index].port
    let next = listeners[index].nextOfPort
    guard var before = listenerOfPort[port], Int(before) != index else {
      listenerOfPort[port] = next
      return
    }
    while let after = listeners[Int(before)].nextOfPort, Int(after) != index {
      before = after
    }
    listeners[Int(before)].nextOfPort = next
  }

  /// Takes no more; connections not accepted are reset.
  ///
  /// - Complexity: linear in the number of slots.
  mutating func stopListening(_ id: ListenerID, at now: Instant) {
    guard let index = index(of: id) else { return }
    for slot in 0..<slots.count where slots[slot].isUsed {
      guard slots[slot].connection.listener == id else { continue }
      slots[slot].connection.abort(.closed)
      settle(UInt32(slot), at: now)
    }
    leavePort(index)
    listeners[index].isListening = false
    signalled.remove(UInt32(index), in: &signalledLinks)
  }

  /// The connection that has waited longest on the listener, if one does. The
  /// app owns its id until ``release(_:at:)``.
  mutating func accept(_ id: ListenerID) -> ConnectionID? {
    guard let index = index(of: id),
      let slot = listeners[index].acceptable.popFirst(in: &waitingLinks)
    else { return nil }
    listeners[index].pending -= 1
    slots[Int(slot)].connection.listener = nil
    refile(slot)
    return self.id(of: slot)
  }

  /// Opens a connection. RFC 9293 §3.10.1 (active OPEN). An event tells when it
  /// is `established`, or has `failed`: `refused`, `timedOut`, `unreachable`.
  ///
  /// - Parameters:
  ///   - maximumSegmentSize: the most payload a segment to or from `remote` can
  ///     have; a packet of the pool must hold it.
  ///   - interface: the one that has `source`.
  /// - Throws: `limitReached` for slots and ports.
  mutating func connect(
    from source: IPAddress,
    to remote: Endpoint,
    maximumSegmentSize: Int,
    on interface: Int = 0,
    options: ConnectionOptions = ConnectionOptions(),
    at now: Instant
  ) throws(NetworkError) -> ConnectionID {
    let interface = UInt8(interface)
    guard let port = choosePort(from: source, to: remote, on: interface) else {
      throw .limitReached
    }
    let local = Endpoint(address: source, port: port)
    var connection = Connection(
      local: local,
      remote: remote,
      interface: interface,
      state: .synSent,
      listener: nil,
      initialSequenceNumber: InitialSequenceNumber.generate(
        local: local,
        remote: remote,
        secret: secret,
        at: now
      ),
      timestampOffset: Timestamps.offset(
        local: local,
        remote: remote,
        secret: secret
      ),
      receiveSegmentSize: maximumSegmentSize,
      options: options,
      limits: limits
    )
    connection.asksForECN = options.requestsECN ?? limits.value.requestsECN
    guard let slot = insert(connection) else { throw .limitReached }
    counters.connectionsOpened &+= 1
    settle(slot, at: now)
    return id(of: slot)
  }

  private mutating func choosePort(
    from source: IPAddress,
    to remote: Endpoint,
    on interface: UInt8
  ) -> UInt16? {
    var ports = self.ports
    defer { self.ports = ports }
    return ports.choose(from: source, to: remote) { port in
      let ends = Key(
        local: Endpoint(address: source, port: port),
        remote: remote,
        interface: interface
      )
      return listenerOfPort[port] == nil && table.find(ends, in: slots) == nil
        && timeWait.find(ends) == nil
    }
  }

  /// The next packet of what has come, if there is one.
  mutating func read(_ id: ConnectionID, at now: Instant) -> ReadResult {
    guard let index = index(of: id) else { return .failed(.closed) }
    let wasDue = slots[index].connection.acknowledgement.isDue
    let result = slots[index].connection.read(limits: limits, at: now)
    // Of what `settle` looks at, reading changes nothing else.
    if slots[index].connection.acknowledgement.isDue != wasDue {
      settle(id.index, at: now)
    }
    return result
  }

  /// Copies bytes to be sent; returns how many there was room for. Fewer than
  /// all: ``ConnectionChanges/writable`` will tell when there is room again.
  ///
  /// - Parameter isUrgent: the peer is told that what was written so far is
  ///   urgent. RFC 9293 §3.9.1.2.
  /// - Throws: `closed` after ``close(_:at:)``, and what the connection failed
  ///   with.
  mutating func write(
    _ id: ConnectionID,
    _ bytes: RawSpan,
    isUrgent: Bool = false,
    at now: Instant
  ) throws(NetworkError) -> Int {
    guard let index = index(of: id) else { throw .closed }
    let count = try slots[index].connection.write(
      bytes,
      blocks: blocks,
      mayBegin: starved.isEmpty,
      isUrgent: isUrgent,
      limits: limits,
      at: now
    )
    if count == 0 { noteStarved(id.index, bytes.byteCount) }
    settle(id.index, at: now)
    return count
  }

  /// The same for a packet that was received, which is sent from where it is if
  /// the device takes fragments and can spare the slot. Returns what is left of
  /// it: all or nothing then, and what did not fit of one that was copied.
  mutating func write(
    _ id: ConnectionID,
    consuming packet: consuming PacketBuffer,
    pool: PacketPool,
    at now: Instant
  ) throws(NetworkError) -> PacketBuffer? {
    guard let index = index(of: id) else { throw .closed }
    let mayStay =
      outlets[interface(of: id.index)].capabilities.mostFragments > 0
      && slots[index].connection.maySend(packet, pool, limits)
    let rest: PacketBuffer?
    if mayStay {
      rest = try slots[index].connection.write(
        consuming: packet,
        blocks: blocks,
        limits: limits,
        at: now
      )
    } else {
      let count = try slots[index].connection.write(
        packet.bytes,
        blocks: blocks,
        mayBegin: starved.isEmpty,
        limits: limits,
        at: now
      )
      if count == 0 { noteStarved(id.index, packet.count) }
      packet.removeFirst(count)
      rest = packet.isEmpty ? nil : consume packet
    }
    settle(id.index, at: now)
    return rest
  }

  /// Of the `count` bytes that the connection in `slot` was to send, none was
  /// taken: if it holds nothing, no acknowledgement will tell it of room.
  private mutating func noteStarved(_ slot: UInt32, _ count: Int) {
    guard count > 0, slots[Int(slot)].connection.sendBuffer.isEmpty
    else { return }
    counters.sendMemoryShort &+= 1
    starved.append(slot, in: &starvedLinks)
  }

  /// There is memory for many to send something again: tells all who wait for
  /// some. A few at a time would leave it to those who come by first.
  private mutating func wakeStarved() {
    while let slot = starved.popFirst(in: &starvedLinks) {
      slots[Int(slot)].connection.changes.insert(.writable)
      refile(slot)
    }
  }

  /// Sends no more after what was written; reading goes on.
  mutating func close(_ id: ConnectionID, at now: Instant) {
    guard let index = index(of: id) else { return }
    slots[index].connection.close()
    settle(id.index, at: now)
  }

  /// Ends the connection with a reset; what was not sent or read is lost. The
  /// id still has to be released.
  mutating func abort(_ id: ConnectionID, at now: Instant) {
    guard let index = index(of: id) else { return }
    slots[index].connection.abort(.reset)
    settle(id.index, at: now)
  }

  /// Gives the id back: what was written is sent, and the connection closed; or
  /// reset, if bytes came that were not read, or still come.
  mutating func release(_ id: ConnectionID, at now: Instant) {
    guard let index = index(of: id) else { return }
    slots[index].connection.release(limits: limits, at: now)
    settle(id.index, at: now)
  }

  /// Whether small segments are sent at once, without Nagle's algorithm.
  /// RFC 9293 §3.7.4 (MUST-17).
  mutating func setNoDelay(
    _ id: ConnectionID,
    _ noDelay: Bool,
    at now: Instant
  ) {
    guard let index = index(of: id) else { return }
    slots[index].connection.small.isImmediate = noDelay
    settle(id.index, at: now)
  }

  /// Whether small segments wait for what the app writes next, for 200 ms at
  /// most; an end of the stream does not wait.
  mutating func setCork(_ id: ConnectionID, _ isCorked: Bool, at now: Instant) {
    guard let index = index(of: id) else { return }
    slots[index].connection.small.cork(isCorked)
    settle(id.index, at: now)
  }

  /// Asks a peer that has nothing to say for `idle` whether it is there, or does
  /// not, with `nil`, as is the default; then again after each `interval`, so
  /// many `probes` in all, or as ``TCPLimits`` says. RFC 9293 §3.8.4 (MUST-24,
  /// MUST-25).
  mutating func setKeepalive(
    _ id: ConnectionID,
    after idle: Interval?,
    every interval: Interval? = nil,
    probes: Int? = nil,
    at now: Instant
  ) {
    guard let index = index(of: id) else { return }
    slots[index].connection.keepalive.set(
      after: idle,
      every: interval ?? limits.value.keepaliveInterval,
      count: probes ?? limits.value.keepaliveProbes,
      at: now
    )
    settle(id.index, at: now)
  }

  /// How long the peer may leave something unanswered, or its window shut, until
  /// the connection fails; `nil` for what ``TCPLimits`` says, which does not
  /// bound a shut window. RFC 9293 §3.8.3 (R2, MUST-21), §3.9.1.1.
  mutating func setUserTimeout(
    _ id: ConnectionID,
    _ timeout: Interval?,
    at now: Instant
  ) {
    guard let index = index(of: id) else { return }
    slots[index].connection.userTimeout =
      timeout.map { UInt32(clamping: max($0.milliseconds, 1)) } ?? 0
    settle(id.index, at: now)
  }

  /// How routers are to treat what is sent from now on. RFC 9293 §3.9.1.9
  /// (MUST-48, SHLD-21).
  mutating func setDifferentiatedServices(
    _ id: ConnectionID,
    _ services: DifferentiatedServices
  ) {
    guard let index = index(of: id) else { return }
    slots[index].connection.differentiatedServices = services
  }

  /// How many routers may pass on what is sent from now on. RFC 9293 §3.9.2
  /// (MUST-49).
  mutating func setTimeToLive(_ id: ConnectionID, _ timeToLive: UInt8) {
    guard let index = index(of: id) else { return }
    slots[index].connection.timeToLive = max(timeToLive, 1)
  }

  /// A peer to whom the way may be dead, R1 of RFC 9293 §3.8.3 (MUST-20), for IP
  /// to look into; each is told once.
  mutating func nextSuspect() -> (address: IPAddress, interface: Int)? {
    suspects.popLast()
  }

  /// The state of a connection, `nil` for an id that is over.
  func state(_ id: ConnectionID) -> TCPState? {
    index(of: id).map { slots[$0].connection.state }
  }

  /// Our end of a connection.
  func local(_ id: ConnectionID) -> Endpoint? {
    index(of: id).map { slots[$0].connection.local }
  }

  /// The peer's end of a connection.
  func remote(_ id: ConnectionID) -> Endpoint? {
    index(of: id).map { slots[$0].connection.remote }
  }

  /// All about a connection. RFC 9293 §3.10.6 (STATUS).
  func information(_ id: ConnectionID) -> TCPInformation? {
    index(of: id).map { slots[$0].connection.information }
  }

  /// The next thing that somebody may have waited for.
  mutating func nextEvent() -> TCPEvent? {
    if !starved.isEmpty, blocks.hasManyFirst { wakeStarved() }
    if let listener = signalled.popFirst(in: &signalledLinks) {
      return .acceptable(
        ListenerID(
          index: listener,
          generation: listeners[Int(listener)].generation
        )
      )
    }
    guard let slot = changed.popFirst(in: &waitingLinks) else { return nil }
    let changes = slots[Int(slot)].connection.changes
    slots[Int(slot)].connection.changes = []
    return .connection(id(of: slot), changes)
  }
}
