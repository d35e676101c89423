import Net
import Simulation
import Testing

/// What apps do with connections, on a line that is not good.
@Suite struct WorkloadTests {
  /// A line that loses a little, over which it takes a little.
  static let line: PathSettings = {
    var path = PathSettings()
    path.loss = 10_000
    path.reordering = 10_000
    path.delay = .milliseconds(5)
    path.rate = 100_000_000
    return path
  }()

  @Test func requests_areAnswered() {
    play { simulation in
      simulation.wire.setAll(Self.line)
      let rounds = 1000
      var client = Plan(sends: rounds * 100, receives: rounds * 3000)
      client.pace = .requests(of: 100, answers: 3000)
      var server = Plan(sends: rounds * 3000, receives: rounds * 100)
      server.pace = .answers(of: 3000, requests: 100)
      server.closesFirst = false
      try simulation.serve(on: 1, port: 80, server)
      try simulation.connect(from: 0, to: 1, port: 80, client)
      try simulation.finish()
    }
  }

  @Test func twoThousandShortConnections_allEnd() {
    play { simulation in
      simulation.wire.setAll(Self.line)
      var client = Plan(sends: 200, receives: 2000)
      client.pace = .requests(of: 200, answers: 2000)
      var server = Plan(sends: 2000, receives: 200)
      server.pace = .answers(of: 2000, requests: 200)
      try simulation.serve(on: 1, port: 80, server)
      let machine = simulation.machines[0]
      var left = 2000
      func next() throws(NetworkError) {
        guard left > 0 else { return }
        left -= 1
        try simulation.connect(from: 0, to: 1, port: 80, client)
      }
      machine.onEnd = { flow, _ throws(Failure) in
        do throws(NetworkError) { try next() } catch {
          throw Failure("connecting: \(error)")
        }
      }
      for _ in 0..<32 { try next() }
      try simulation.finish()
      machine.onEnd = nil
      #expect(machine.flows.count == 2000)
      #expect(simulation.machines[1].flows.count == 2000)
    }
  }

  @Test func fiveHundredAtOnce_allArrive() {
    var settings = MachineSettings()
    settings.packets = 4096
    play(0, "", [settings, settings]) { simulation in
      var line = Self.line
      line.rate = 1_000_000_000
      simulation.wire.setAll(line)
      let plan = Plan(sends: 32 << 10, receives: 32 << 10)
      try simulation.serve(on: 1, port: 7, backlog: 512, plan)
      for _ in 0..<500 {
        try simulation.connect(from: 0, to: 1, port: 7, plan)
      }
      try simulation.finish()
    }
  }

  @Test func endOfOneHalf_leavesTheOther() {
    play { simulation in
      simulation.wire.setAll(Self.line)
      let total = 1 << 20
      var server = Plan(sends: total, receives: total)
      server.pace = .afterEnd
      try simulation.serve(on: 1, port: 7, server)
      try simulation.connect(
        from: 0,
        to: 1,
        port: 7,
        Plan(sends: total, receives: total)
      )
      try simulation.finish()
    }
  }

  /// Longer than a peer may leave data unacknowledged: it is there, and says
  /// that it has no room (RFC 9293 §3.8.6.1).
  @Test func whoReadsLate_getsAll() {
    play { simulation in
      simulation.wire.setAll(Self.line)
      let total = 2 << 20
      var server = Plan(receives: total)
      server.reading = .from(simulation.now + .seconds(1000))
      try simulation.serve(on: 1, port: 7, server)
      try simulation.connect(from: 0, to: 1, port: 7, Plan(sends: total))
      try simulation.finish()
      #expect(simulation.machines[0].stack.counters.tcp.windowProbes > 10)
    }
  }

  @Test func whoNeverReads_costsItsWindowOnly() {
    play { simulation in
      simulation.wire.setAll(Self.line)
      let total = 1 << 30
      var server = Plan(receives: total)
      server.reading = .never
      try simulation.serve(on: 1, port: 7, server)
      let flow = try simulation.connect(
        from: 0,
        to: 1,
        port: 7,
        Plan(sends: total)
      )
      try simulation.run(for: .seconds(600))
      #expect(!flow.isOver)
      let limits = TCPLimits()
      #expect(flow.written <= limits.receiveBuffer + limits.sendBuffer)
      // Another is served meanwhile.
      let other = Plan(sends: 1 << 20, receives: 1 << 20)
      try simulation.serve(on: 1, port: 8, other)
      let second = try simulation.connect(from: 0, to: 1, port: 8, other)
      try simulation.run(limit: .seconds(100)) { second.isOver }
      #expect(second.state == .done)
      simulation.machines[0].abort(flow, at: simulation.now)
      try simulation.run(for: .seconds(1))
      // Nobody tells who never asks.
      let ends = simulation.machines[1].flows
      for end in ends where !end.isOver {
        simulation.machines[1].abort(end, at: simulation.now)
      }
      try simulation.checkForLeaks()
    }
  }

  @Test func whoReadsSlowly_getsAll() {
    play { simulation in
      simulation.wire.setAll(Self.line)
      let total = 1 << 20
      var server = Plan(receives: total)
      server.reading = .slowly(bytes: 1000, every: .milliseconds(10))
      try simulation.serve(on: 1, port: 7, server)
      try simulation.connect(from: 0, to: 1, port: 7, Plan(sends: total))
      try simulation.finish()
    }
  }

  @Test(arguments: [false, true])
  func oneByteAtATime_arrives(isWithoutDelay: Bool) {
    play(isWithoutDelay ? 1 : 0) { simulation in
      simulation.wire.setAll(Self.line)
      var plan = Plan(sends: 5000, receives: 5000)
      plan.writeSize = 1
      plan.pace = .steadily(every: .microseconds(200))
      plan.isWithoutDelay = isWithoutDelay
      try simulation.serve(on: 1, port: 7, plan)
      try simulation.connect(from: 0, to: 1, port: 7, plan)
      try simulation.finish()
      let sent = simulation.machines[0].stack.counters.tcp.segmentsSent
      // RFC 9293 §3.7.4: a round trip's worth of bytes goes together.
      #expect(isWithoutDelay ? sent >= 5000 : sent < 2500, "\(sent) segments")
    }
  }

  @Test func aReset_endsBoth() {
    play { simulation in
      simulation.wire.setAll(Self.line)
      var client = Plan(receives: 4 << 20)
      client.abortsAfter = 100_000
      client.closesFirst = false
      try simulation.serve(on: 1, port: 7, Plan(sends: 4 << 20))
      let flow = try simulation.connect(from: 0, to: 1, port: 7, client)
      try simulation.run(limit: .seconds(300)) { simulation.isQuiet }
      #expect(flow.state == .aborted)
      let server = simulation.machines[1].flows.map(\.state)
      #expect(server == [.failed(.reset)])
      try simulation.checkForLeaks()
    }
  }

  @Test func aClosedPort_refuses() {
    play { simulation in
      let plan = Plan(sends: 1)
      let flow = try simulation.connect(from: 0, to: 1, port: 9, plan)
      try simulation.run(limit: .seconds(1)) { flow.isOver }
      #expect(flow.state == .failed(.refused))
      try simulation.checkForLeaks()
    }
  }

  @Test func aLinkThatGoesAndComes_costsTime() {
    play { simulation in
      simulation.wire.setAll(Self.line)
      let plan = Plan(sends: 10 << 20, receives: 10 << 20)
      try simulation.serve(on: 1, port: 7, plan)
      try simulation.connect(from: 0, to: 1, port: 7, plan)
      for second in 1...5 as ClosedRange<Int64> {
        let down = simulation.now + .milliseconds(second * 300)
        let machine = Int(second) & 1
        simulation.at(down) { $0.setLink(of: machine, up: false) }
        simulation.at(down + .milliseconds(250)) {
          $0.setLink(of: machine, up: true)
        }
      }
      try simulation.finish()
    }
  }

  @Test func aPeerThatIsGone_isGivenUp() {
    play { simulation in
      simulation.wire.setAll(Self.line)
      let plan = Plan(sends: 10 << 20, receives: 10 << 20)
      try simulation.serve(on: 1, port: 7, plan)
      try simulation.connect(from: 0, to: 1, port: 7, plan)
      try simulation.run(for: .milliseconds(300))
      simulation.wire[0, 1].settings.loss = 1_000_000
      simulation.wire[1, 0].settings.loss = 1_000_000
      try simulation.finish(limit: .seconds(300), .failed(.timedOut))
    }
  }
}
