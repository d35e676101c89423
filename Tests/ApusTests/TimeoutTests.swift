import Net
import Testing
import TestMachines

@testable import Apus

@Suite struct TimeoutTests {
  @Test(arguments: [0, 1, 3000]) func of_a_read_aborts(
    milliseconds: Int64
  ) throws {
    let network = TestNetwork()
    try network.play { client, _ in
      let (connection, peer) = try await network.connect()
      let start = network.now
      let timeout = Duration.milliseconds(milliseconds)
      let gotBytes = await connection.read(timeout: timeout) != nil
      #expect(!gotBytes)
      #expect(network.elapsed(since: start) == timeout)
      #expect(connection.failure == .timedOut)
      #expect(await peer.isAtEnd())
      #expect(peer.failure == .reset)
    }
  }

  @Test func of_a_read_is_not_reached_when_bytes_come() throws {
    let network = TestNetwork()
    try network.play { client, server in
      let (connection, peer) = try await network.connect()
      await withDiscardingTaskGroup { tasks in
        tasks.addTask {
          for byte in 0..<UInt8(20) {
            await client.sleep(for: .seconds(9))
            await connection.write([byte])
          }
          connection.close()
        }
        for byte in 0..<UInt8(20) {
          #expect(await next(of: peer, within: .seconds(10)) == [byte])
          // The timer goes with the wait.
          #expect(network.server.host.waits.deadline == nil)
        }
        #expect(await next(of: peer, within: .seconds(10)) == nil)
        #expect(peer.failure == nil)
      }
    }
  }

  @Test func of_a_write_aborts() throws {
    let network = TestNetwork()
    try network.play { client, _ in
      let (connection, peer) = try await network.connect()
      let start = network.now
      #expect(
        await !connection.write(pattern(1 << 20), timeout: .seconds(5))
      )
      #expect(network.elapsed(since: start) == .seconds(5))
      #expect(connection.failure == .timedOut)
      await client.sleep(for: .seconds(1))
      #expect(await peer.isAtEnd())
      #expect(peer.failure == .reset)
    }
  }

  @Test func of_a_write_is_for_all_of_it() throws {
    let network = TestNetwork()
    try network.play { client, server in
      let (connection, peer) = try await network.connect()
      await withDiscardingTaskGroup { tasks in
        tasks.addTask {
          // Takes a little every second, so each wait is short.
          while await !peer.isAtEnd() { await server.sleep(for: .seconds(1)) }
        }
        let start = network.now
        #expect(
          await !connection.write(pattern(1 << 20), timeout: .seconds(20))
        )
        #expect(network.elapsed(since: start) == .seconds(20))
      }
    }
  }

  @Test func of_a_receive_leaves_the_socket_open() throws {
    let network = TestNetwork()
    try network.play { client, server in
      let socket = try server.network.bind(port: 7)
      let start = network.now
      #expect(await socket.receiveCopy(timeout: .seconds(2)) == nil)
      #expect(network.elapsed(since: start) == .seconds(2))
      let sender = try client.network.bind()
      try await sender.send([5], to: network.server.endpoint(7))
      #expect(await socket.receiveCopy(timeout: .seconds(2))?.bytes == [5])
    }
  }

  @Test func longer_than_any_clock_counts_is_as_none() throws {
    let network = TestNetwork()
    try network.play { client, _ in
      let (connection, peer) = try await network.connect()
      let forever = Duration.seconds(Int64.max)
      await withDiscardingTaskGroup { tasks in
        tasks.addTask {
          #expect(await next(of: peer, within: forever) == [1])
        }
        await client.sleep(for: .seconds(60))
        await connection.write([1])
      }
    }
  }

  private func next(
    of connection: Connection,
    within timeout: Duration
  ) async -> [UInt8]? {
    guard let bytes = await connection.read(timeout: timeout) else {
      return nil
    }
    var copy: [UInt8] = []
    bytes.append(to: &copy)
    return copy
  }
}
