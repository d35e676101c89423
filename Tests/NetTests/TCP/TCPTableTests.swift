import Testing

@testable import Net

/// Listeners, backlogs, ids, ports, events and limits.
@Suite struct TCPTableTests {
  @Test func listen_twice_isRefused() throws {
    let harness = TCPHarness()
    _ = try harness.listen(backlog: 1)
    #expect(throws: NetworkError.addressInUse) {
      try harness.listen(backlog: 1)
    }
  }

  /// A port has a listener for each of our addresses, or one for all.
  @Test(arguments: 0..<3)
  func listeners_ofEachAddress_haveTheSamePort(first: Int) throws {
    let harness = TCPHarness()
    let addresses = [
      TCPHarness.ours, IPAddress(IPv4Address(127, 0, 0, 1)),
      IPAddress(IPv4Address(192, 0, 2, 9)),
    ]
    func listen(_ address: IPAddress?) throws(NetworkError) -> ListenerID {
      var options = ConnectionOptions()
      options.localAddress = address
      return try harness.tcp.listen(port: 80, backlog: 1, options: options)
    }
    func found() -> [UInt32?] {
      addresses.map {
        harness.tcp.listener(at: Endpoint(address: $0, port: 80))
      }
    }
    var ids: [ListenerID] = []
    for address in addresses { ids.append(try listen(address)) }
    #expect(found() == ids.map(\.index))
    for address in addresses + [nil] {
      #expect(throws: NetworkError.addressInUse) { _ = try listen(address) }
    }
    // One that goes leaves the others, whichever it is.
    var left = ids.map { $0.index as UInt32? }
    for step in 0..<3 {
      let gone = (first + step) % 3
      harness.tcp.stopListening(ids[gone], at: harness.now)
      left[gone] = nil
      #expect(found() == left)
    }
    let all = try listen(nil)
    #expect(found() == [all.index, all.index, all.index])
    #expect(throws: NetworkError.addressInUse) { _ = try listen(addresses[0]) }
  }

  /// RFC 9293 §3.10.2 has SEND to a listener open a connection. Here its id
  /// takes no bytes; nothing is sent, and it goes on listening.
  @Test func listener_isNotWrittenTo() throws {
    let harness = TCPHarness()
    let listener = try harness.listen(backlog: 1)
    let id = ConnectionID(
      index: listener.index,
      generation: listener.generation
    )
    #expect(throws: NetworkError.closed) { _ = try harness.write(id, [1]) }
    harness.expectNothing()
    harness.receive(Segment(.syn, 0, mss: 1000))
    #expect(harness.learnInitial() != nil)
  }

  @Test func listeners_areBounded() throws {
    var limits = TCPHarness.limits
    limits.listeners = 2
    let harness = TCPHarness(limits: limits)
    let first = try harness.tcp.listen(port: 1, backlog: 1)
    _ = try harness.tcp.listen(port: 2, backlog: 1)
    let third: ListenerID? = try? harness.tcp.listen(port: 3, backlog: 1)
    #expect(third == nil)
    harness.tcp.stopListening(first, at: harness.now)
    let again: ListenerID? = try? harness.tcp.listen(port: 3, backlog: 1)
    #expect(again != nil && again != first)
    // The old id stops nothing.
    harness.tcp.stopListening(first, at: harness.now)
    let taken: ListenerID? = try? harness.tcp.listen(port: 3, backlog: 1)
    #expect(taken == nil)
  }

  /// What a full backlog does when cookies are off; `SYNCookieTests` has what it
  /// does else.
  private static func withoutCookies() -> TCPHarness {
    var limits = TCPHarness.limits
    limits.usesCookies = false
    return TCPHarness(limits: limits)
  }

  /// Sends a SYN from `port`; returns whether it was answered.
  private func open(_ harness: TCPHarness, _ port: UInt16) -> Bool {
    harness.remotePort = port
    harness.receive(Segment(.syn, 0))
    return harness.learnInitial() != nil
  }

  @Test func backlog_countsFromTheSYNUntilAccept() throws {
    let harness = Self.withoutCookies()
    let listener = try harness.listen(backlog: 2)
    #expect(open(harness, 1001))
    #expect(open(harness, 1002))
    #expect(!open(harness, 1003))
    #expect(harness.tcp.counters.backlogFull == 1)
    harness.remotePort = 1002
    harness.receive(Segment([], 1, ack: 1))
    #expect(!open(harness, 1003))
    #expect(harness.accept(listener) != nil)
    #expect(open(harness, 1003))
    #expect(!open(harness, 1004))
  }

  @Test func fullBacklog_theUnansweredMakesRoom() throws {
    let harness = Self.withoutCookies()
    let listener = try harness.listen(backlog: 2)
    #expect(open(harness, 1001))
    #expect(open(harness, 1002))
    harness.receive(Segment([], 1, ack: 1))
    harness.wait(2999)
    harness.remotePort = 1001
    harness.drain()
    #expect(!open(harness, 1003))
    // The SYN,ACK to 1001 has gone unanswered for three seconds. What was
    // answered stays.
    harness.wait(1)
    #expect(open(harness, 1003))
    #expect(harness.tcp.counters.halfOpenEvicted == 1)
    #expect(harness.tcp.counters.connectionsNeverAccepted == 1)
    #expect(!open(harness, 1004))
    #expect(harness.accept(listener) != nil)
    #expect(harness.tcp.counters.backlogFull == 2)
  }

  @Test func accept_isInTheOrderOfTheHandshakes() throws {
    let harness = TCPHarness()
    let listener = try harness.listen(backlog: 4)
    var initial: [UInt16: SequenceNumber] = [:]
    for port: UInt16 in [1001, 1002, 1003] {
      #expect(open(harness, port))
      initial[port] = harness.iss
    }
    for port: UInt16 in [1003, 1001, 1002] {
      harness.remotePort = port
      harness.iss = initial[port]!
      harness.receive(Segment([], 1, ack: 1))
    }
    #expect(harness.events() == [.acceptable(listener)])
    let order = (0..<3).map { _ in
      harness.accept(listener).flatMap { harness.tcp.remote($0)?.port }
    }
    #expect(order == [1003, 1001, 1002])
  }

  @Test func acceptable_thenReset_isNotAccepted() throws {
    let harness = TCPHarness()
    let listener = try harness.listen(backlog: 1)
    #expect(open(harness, 1001))
    harness.receive(Segment([], 1, ack: 1))
    harness.receive(Segment(.reset, 1))
    #expect(harness.accept(listener) == nil)
    #expect(open(harness, 1002))
    #expect(harness.tcp.counters.connectionsNeverAccepted == 1)
  }

  @Test func beforeAccept_textIsBoundedByTheWindow() throws {
    let harness = TCPHarness()
    let listener = try harness.listen(backlog: 1)
    #expect(open(harness, 1001))
    harness.receive(Segment([], 1, ack: 1, pattern(1000)))
    // No event about a connection that nobody has.
    #expect(harness.events() == [.acceptable(listener)])
    let id = try #require(harness.accept(listener))
    #expect(harness.read(id) == .bytes(pattern(1000)))
  }

  @Test func connections_areBounded() throws {
    var limits = TCPHarness.limits
    limits.connections = 2
    let harness = TCPHarness(limits: limits)
    _ = try harness.listen(backlog: 9)
    #expect(open(harness, 1001))
    #expect(open(harness, 1002))
    #expect(!open(harness, 1003))
    #expect(harness.tcp.counters.tableFull == 1)
    let id: ConnectionID? = try? harness.tcp.connect(
      from: TCPHarness.ours,
      to: Endpoint(address: TCPHarness.theirs, port: 7),
      maximumSegmentSize: 1460,
      at: harness.now
    )
    #expect(id == nil)
  }

  @Test func fullTable_timeWaitHoldsNoSlot() throws {
    var limits = TCPHarness.limits
    limits.connections = 1
    let (harness, id) = TCPHarness.timeWait(limits: limits)
    // A slot that an app still holds cannot be given away.
    #expect(!open(harness, 1002))
    harness.release(id)
    #expect(open(harness, 1002))
    #expect(harness.tcp.counters.timeWaitEvicted == 0)
    #expect(harness.tcp.timeWait.count == 1)
  }

  @Test func staleID_isRefused() throws {
    let (harness, id) = TCPHarness.established()
    harness.abort(id)
    harness.drain()
    harness.release(id)
    // Its slot serves another now.
    harness.remotePort = 1001
    harness.receive(Segment(.syn, 0))
    _ = harness.learnInitial()
    harness.receive(Segment([], 1, ack: 1))
    #expect(harness.tcp.slots.count == 1)
    #expect(harness.read(id) == .failed(.closed))
    #expect(throws: NetworkError.closed) { try harness.write(id, [1]) }
    harness.close(id)
    harness.abort(id)
    harness.release(id)
    harness.tcp.setNoDelay(id, true, at: harness.now)
    #expect(harness.tcp.state(id) == nil)
    #expect(harness.tcp.local(id) == nil)
    #expect(harness.tcp.information(id) == nil)
    harness.expectNothing()
  }

  @Test func inventedID_isRefused() {
    let harness = TCPHarness()
    let id = ConnectionID(index: 77, generation: 0)
    #expect(harness.read(id) == .failed(.closed))
    #expect(harness.accept(ListenerID(index: 9, generation: 0)) == nil)
  }

  @Test func events_areOneAConnection() {
    let (harness, id) = TCPHarness.established()
    for number in 0..<10 {
      harness.receive(Segment(.push, 1 + number, ack: 1, [1]))
    }
    harness.receive(Segment(.reset, 11))
    #expect(harness.events() == [.connection(id, [.readable, .failed])])
    #expect(harness.events().isEmpty)
  }

  @Test func released_hasNoEvents() {
    let (harness, id) = TCPHarness.established()
    harness.receive(Segment(.fin, 1, ack: 1))
    harness.release(id)
    harness.drain()
    harness.receive(Segment([], 2, ack: 2))
    #expect(harness.events().isEmpty)
    #expect(harness.tcp.connectionCount == 0)
  }

  // MARK: Ports, RFC 6056

  private func connect(
    _ harness: TCPHarness,
    port: UInt16 = 7
  ) -> ConnectionID? {
    try? harness.tcp.connect(
      from: TCPHarness.ours,
      to: Endpoint(address: TCPHarness.theirs, port: port),
      maximumSegmentSize: 1460,
      at: harness.now
    )
  }

  @Test func ports_areUsedOnceAndRunOut() {
    var limits = TCPHarness.limits
    limits.firstEphemeralPort = 65_530
    let harness = TCPHarness(limits: limits)
    let ids = (0..<7).map { _ in connect(harness) }
    let ports = ids.compactMap { $0.flatMap { harness.tcp.local($0)?.port } }
    #expect(Set(ports) == Set(65_530...65_535))
    #expect(ids.last! == nil)
    // To another port of the peer they are free.
    #expect(connect(harness, port: 8) != nil)
  }

  @Test func ports_avoidListeners() throws {
    var limits = TCPHarness.limits
    limits.firstEphemeralPort = 65_534
    let harness = TCPHarness(limits: limits)
    _ = try harness.tcp.listen(port: 65_534, backlog: 1)
    let id = try #require(connect(harness))
    #expect(harness.tcp.local(id)?.port == 65_535)
    #expect(connect(harness) == nil)
  }

  @Test func ports_toTwoDestinations_areUnrelated() {
    var ports = EphemeralPorts(
      first: 49_152,
      secret: SipHash.Key(1, 2),
      start: 0
    )
    let chosen = (0..<8).map { number in
      ports.choose(
        from: TCPHarness.ours,
        to: Endpoint(address: IPv4Address(10, 0, 1, number), port: 80)
      ) { _ in true }!
    }
    let steps = zip(chosen.dropFirst(), chosen).map { Int($0) - Int($1) }
    #expect(!steps.contains(1))
    #expect(chosen.allSatisfy { $0 >= 49_152 })
  }
}
