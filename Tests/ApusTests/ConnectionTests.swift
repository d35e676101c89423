import Net
import Testing
import TestMachines

@testable import Apus

@Suite struct ConnectionTests {
  @Test func bytes_come_back_from_an_echo() throws {
    let network = TestNetwork()
    try network.play { client, server in
      let listener = try server.network.listen(port: 7)
      try await withThrowingDiscardingTaskGroup { tasks in
        tasks.addTask {
          let connection = try #require(await listener.accept())
          while let bytes = await connection.read() {
            await connection.write(bytes)
          }
          #expect(connection.failure == nil)
        }
        let connection = try await client.network.connect(
          to: network.server.endpoint(7)
        )
        #expect(connection.remote == network.server.endpoint(7))
        #expect(connection.local?.address == IPAddress(network.client.address))
        #expect(await connection.write(pattern(100_000)))
        connection.close()
        #expect(await connection.readAll() == pattern(100_000))
        #expect(connection.failure == nil)
      }
    }
  }

  @Test func write_waits_while_the_peer_does_not_read() throws {
    let network = TestNetwork()
    try network.play { client, server in
      let (connection, peer) = try await network.connect()
      let isWritten = Box(false)
      await withDiscardingTaskGroup { tasks in
        tasks.addTask {
          #expect(await connection.write(pattern(1 << 20)))
          isWritten.value = true
          connection.close()
        }
        await server.sleep(for: .seconds(30))
        #expect(!isWritten.value)
        #expect(await peer.readAll() == pattern(1 << 20))
        #expect(isWritten.value)
      }
    }
  }

  @Test func writing_nothing_is_done_at_once() throws {
    let network = TestNetwork()
    try network.play { _, _ in
      let (connection, peer) = try await network.connect()
      #expect(await connection.write([]))
      connection.close()
      #expect(await peer.readAll() == [])
      #expect(await !connection.write([]))
    }
  }

  @Test func tryRead_and_tryWrite_never_wait() throws {
    let network = TestNetwork()
    try network.play { client, _ in
      let (connection, peer) = try await network.connect()
      #expect(!peer.hasBytes())
      #expect(connection.tryWrite(pattern(10).rawBytes) == 10)
      let most = TCPLimits().initialSendBuffer - 10
      #expect(connection.tryWrite(pattern(1 << 20).rawBytes) == most)
      #expect(connection.tryWrite(pattern(1).rawBytes) == 0)
      #expect(connection.failure == nil)
      await client.sleep(for: .seconds(1))
      var first: [UInt8] = []
      take(peer.tryRead(), &first)
      #expect(Array(first.prefix(10)) == pattern(10))
      connection.abort()
      await client.sleep(for: .seconds(1))
      #expect(!peer.hasBytes())
      #expect(peer.failure == .reset)
      #expect(peer.tryWrite(pattern(1).rawBytes) == 0)
    }
  }

  @Test func withReadableBytes_lends_what_came() throws {
    let network = TestNetwork()
    try network.play { _, _ in
      let (connection, peer) = try await network.connect()
      await connection.write(pattern(5))
      connection.close()
      let sum = await peer.withReadableBytes { bytes in
        (0..<bytes.byteCount).reduce(0) { $0 + Int(bytes.byte(at: $1)) }
      }
      #expect(sum == pattern(5).reduce(0) { $0 + Int($1) })
      #expect(await peer.withReadableBytes { $0.byteCount } == nil)
    }
  }

  @Test func setNoDelay_sends_small_writes_at_once() throws {
    let network = TestNetwork()
    network.latency = .milliseconds(100)
    try network.play { client, _ in
      for (noDelay, roundTrips) in [(false, 1.5), (true, 0.5)] {
        let (connection, peer) = try await network.connect()
        connection.setNoDelay(noDelay)
        let start = network.now
        await connection.write([1])
        await client.sleep(for: .milliseconds(10))
        await connection.write([2])
        #expect(await peer.read(count: 2) == [1, 2])
        // Without, the second byte waits for the acknowledgement of the first.
        let passed = network.elapsed(since: start)
        #expect(passed >= .milliseconds(200) * roundTrips)
        #expect(passed < .milliseconds(200) * (roundTrips + 0.5))
      }
    }
  }

  @Test func two_tasks_read_and_write_at_once() throws {
    let network = TestNetwork()
    try network.play { _, _ in
      let (connection, peer) = try await network.connect()
      await withDiscardingTaskGroup { tasks in
        for (end, seed) in [(connection, 1), (peer, 2)] {
          tasks.addTask {
            #expect(await end.write(pattern(300_000, seed: seed)))
            end.close()
          }
          tasks.addTask {
            let expected = pattern(300_000, seed: 3 - seed)
            #expect(await end.readAll() == expected)
            #expect(end.failure == nil)
          }
        }
      }
    }
  }

  /// The packet is not held across what follows.
  private func take(_ bytes: consuming ReceivedBytes?, _ all: inout [UInt8]) {
    guard let bytes else { return }
    bytes.append(to: &all)
  }

  @Test func write_consuming_sends_what_was_read() throws {
    let network = TestNetwork()
    try network.play { _, _ in
      let (connection, peer) = try await network.connect()
      await withDiscardingTaskGroup { tasks in
        tasks.addTask {
          while let bytes = await peer.read() {
            guard await peer.write(consuming: bytes) else { return }
          }
          peer.close()
        }
        tasks.addTask {
          #expect(await connection.write(pattern(1 << 20)))
          connection.close()
        }
        #expect(await connection.readAll() == pattern(1 << 20))
      }
      #expect(peer.failure == nil)
    }
  }
}
