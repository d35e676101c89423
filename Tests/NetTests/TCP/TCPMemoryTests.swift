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

  @Test(arguments: [1 << 20, 16 << 20, 64 << 20, 1 << 40])
  func limits_fitTheMemory(memory: Int) {
    let limits = TCPLimits(memory: memory)
    #expect(limits.sendMemory <= memory / 8)
    #expect(limits.connections >= 64 && limits.connections <= 4096)
    #expect(limits.backlog >= 1 && limits.backlog < limits.connections)
    #expect(limits.timeWaitConnections < limits.connections)
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
