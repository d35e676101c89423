import Packets
import Testing

@testable import Net

/// What all connections hold together is bounded.
@Suite struct TCPMemoryTests {
  /// Connections from ports 1001 on, established and accepted.
  private func establish(
    _ harness: TCPHarness,
    _ count: Int
  ) throws -> [ConnectionID] {
    let listener = try harness.listen(backlog: count)
    var connections: [ConnectionID] = []
    for index in 0..<count {
      harness.remotePort = 1001 + UInt16(index)
      harness.receive(Segment(.syn, 0))
      _ = harness.learnInitial()
      harness.receive(Segment([], 1, ack: 1))
      connections.append(try #require(harness.accept(listener)))
    }
    return connections
  }

  @Test func sendMemory_isSharedAndEachHasSome() throws {
    var limits = TCPHarness.limits
    limits.sendMemory = 64 * 1024
    let harness = TCPHarness(limits: limits)
    let connections = try establish(harness, 8)
    let bytes = pattern(100_000)
    var taken: [Int] = []
    for id in connections { taken.append(try harness.write(id, bytes)) }
    // Four large blocks, less their control blocks; then nothing is left but
    // the first small one of each.
    #expect(taken == [4 * 16320] + [Int](repeating: 1984, count: 7))
    #expect(
      harness.tcp.blocks.memoryInUse == limits.sendMemory + 7 * 2048
    )
    for id in connections { harness.tcp.abort(id, at: harness.now) }
    #expect(harness.tcp.blocks.memoryInUse == 0)
  }

  /// Who was refused is told of room, though another had all of it.
  @Test func sendMemory_refusedWriter_isWoken() throws {
    var limits = TCPHarness.limits
    limits.sendMemory = 64 * 1024
    let harness = TCPHarness(limits: limits)
    let connections = try establish(harness, 2)
    #expect(try harness.write(connections[0], pattern(100_000)) == 65_280)
    #expect(try harness.write(connections[1], pattern(4000)) == 1984)
    #expect(try harness.write(connections[1], pattern(4000)) == 0)
    let outgoing = { harness.tcp.transmit(at: harness.now, pool: harness.pool) }
    while outgoing() != nil {}
    _ = harness.events()
    // Three of 536 bytes are sent, and the rest of the block stays full.
    harness.receive(Segment([], 1, ack: 1609))
    #expect(harness.events() == [.connection(connections[1], .writable)])
    #expect(try harness.write(connections[1], pattern(4000)) == 0)
    while outgoing() != nil {}
    harness.receive(Segment([], 1, ack: 1985))
    #expect(harness.events() == [.connection(connections[1], .writable)])
    #expect(try harness.write(connections[1], pattern(4000)) == 1984)
  }

  @Test func sendMemory_comesBackWithTheAcknowledgement() throws {
    let harness = TCPHarness()
    let id = try establish(harness, 1)[0]
    _ = try harness.write(id, pattern(7 * 536))
    #expect(harness.tcp.blocks.memoryInUse == 2 * 2048)
    harness.drain()
    harness.receive(Segment([], 1, ack: 1 + 7 * 536))
    #expect(harness.tcp.blocks.memoryInUse == 0)
  }

  /// Who holds nothing and was refused is woken in its turn, when there is
  /// memory for many; until then nobody takes what becomes free.
  @Test func firstSendMemory_isBoundedAndShared() throws {
    var limits = TCPHarness.limits
    limits.sendMemory = 16 * 1024
    limits.firstSendMemory = 16 * 2048
    let harness = TCPHarness(limits: limits)
    let connections = try establish(harness, 24)
    #expect(try harness.write(connections[0], pattern(100_000)) == 16_320)
    // What is left for first blocks, and what remains of that for all.
    for id in connections[1...16] {
      #expect(try harness.write(id, pattern(100)) == 100)
    }
    for id in connections[17...] {
      #expect(try harness.write(id, pattern(100)) == 0)
      // Once more, and they still wait once.
      #expect(try harness.write(id, pattern(100)) == 0)
    }
    #expect(harness.tcp.counters.sendMemoryShort == 14)
    #expect(
      harness.tcp.blocks.memoryInUse
        == limits.sendMemory + limits.firstSendMemory
    )
    while harness.tcp.transmit(at: harness.now, pool: harness.pool) != nil {}
    _ = harness.events()
    // Three of 2 KiB are free: less than a quarter.
    for index in 1...3 {
      harness.tcp.abort(connections[index], at: harness.now)
    }
    _ = harness.events()
    #expect(try harness.write(connections[17], pattern(100)) == 0)
    // Who holds some goes on.
    #expect(try harness.write(connections[4], pattern(100)) == 100)
    harness.tcp.abort(connections[5], at: harness.now)
    let woken = harness.events().filter {
      if case .connection(_, .writable) = $0 { true } else { false }
    }
    #expect(woken == connections[17...].map { .connection($0, .writable) })
    for id in connections[17..<21] {
      #expect(try harness.write(id, pattern(100)) == 100)
    }
    #expect(try harness.write(connections[21], pattern(100)) == 0)
    for id in connections { harness.tcp.abort(id, at: harness.now) }
    #expect(harness.tcp.blocks.memoryInUse == 0)
  }

  @Test func firstSendMemory_whoWaitsMayGo() throws {
    var limits = TCPHarness.limits
    limits.sendMemory = 2048
    limits.firstSendMemory = 2048
    let harness = TCPHarness(limits: limits)
    let connections = try establish(harness, 4)
    _ = harness.events()
    for id in connections[..<2] {
      #expect(try harness.write(id, pattern(100)) == 100)
    }
    for id in connections[2...] {
      #expect(try harness.write(id, pattern(100)) == 0)
    }
    // One that waits ends; the other one's turn comes.
    harness.tcp.abort(connections[2], at: harness.now)
    harness.release(connections[2])
    while harness.tcp.transmit(at: harness.now, pool: harness.pool) != nil {}
    #expect(!harness.events().contains(.connection(connections[3], .writable)))
    harness.tcp.abort(connections[0], at: harness.now)
    #expect(harness.events().contains(.connection(connections[3], .writable)))
    #expect(try harness.write(connections[3], pattern(100)) == 100)
  }

  @Test(arguments: [1 << 20, 16 << 20, 64 << 20, 1 << 40])
  func limits_fitTheMemory(memory: Int) {
    let limits = TCPLimits(memory: memory)
    #expect(limits.sendMemory <= memory / 8)
    #expect(limits.firstSendMemory <= memory / 8)
    #expect(limits.connections >= 64)
    #expect(limits.connections <= TCPLimits.mostConnections)
    #expect(
      limits.connections * TCPLimits.memoryOfConnection
        <= max(memory * 5 / 8, 64 * TCPLimits.memoryOfConnection)
    )
    #expect(limits.backlog >= 1 && limits.backlog < limits.connections)
    #expect(limits.timeWaitConnections < limits.connections)
  }

  /// Ten thousand that are silent and a thousand that are busy, in a machine of
  /// 64 MiB, of which the firmware and the image take some.
  @Test func limits_areForACrowd() {
    let limits = TCPLimits(memory: 61 << 20)
    #expect(limits.connections > 11_000)
    // Each of the busy ones can have its first block.
    #expect(limits.firstSendMemory > 1000 * SendBlocks.smallSize)
  }

  /// A peer that sent beyond what it then calls its end.
  @Test func finBeforeWhatIsKept_endsThere() {
    let (harness, id) = TCPHarness.established()
    harness.receive(Segment([], 41, ack: 1, pattern(160)))
    harness.receive(Segment(.fin, 51, ack: 1))
    harness.receive(Segment([], 1, ack: 1, pattern(40)))
    #expect(harness.tcp.state(id) == .closeWait)
    #expect(harness.tcp.information(id)?.bytesToRead == 50)
    harness.drain()
    while case .bytes = harness.read(id) {}
    #expect(harness.pool.available == harness.pool.capacity)
  }
}
