import Net
import Testing
import TestMachines

@testable import Apus

@Suite struct ConnectionEndTests {
  @Test func after_close_the_other_direction_goes_on() throws {
    let network = TestNetwork()
    try network.play { _, _ in
      let (connection, peer) = try await network.connect()
      connection.close()
      #expect(await peer.isAtEnd())
      #expect(peer.failure == nil)
      #expect(await peer.write(pattern(100_000)))
      peer.close()
      #expect(await connection.readAll() == pattern(100_000))
      #expect(await connection.isAtEnd())
      #expect(connection.failure == nil)
    }
  }

  @Test func both_close_at_once() throws {
    let network = TestNetwork()
    try network.play { _, _ in
      let (connection, peer) = try await network.connect()
      connection.close()
      peer.close()
      #expect(await connection.isAtEnd())
      #expect(await peer.isAtEnd())
      #expect(connection.failure == nil)
      #expect(peer.failure == nil)
    }
  }

  @Test func what_was_written_before_close_arrives() throws {
    let network = TestNetwork()
    try network.play { _, _ in
      let (connection, peer) = try await network.connect()
      await connection.write(pattern(60_000))
      connection.close()
      connection.close()
      #expect(await peer.readAll() == pattern(60_000))
    }
  }

  @Test func write_after_close_fails_and_is_no_failure() throws {
    let network = TestNetwork()
    try network.play { _, _ in
      let (connection, peer) = try await network.connect()
      connection.close()
      #expect(await !connection.write([1]))
      #expect(connection.tryWrite([1].rawBytes) == 0)
      #expect(connection.failure == nil)
      #expect(await peer.isAtEnd())
    }
  }

  @Test func close_ends_a_write_that_waits() throws {
    let network = TestNetwork()
    try network.play { client, _ in
      let (connection, peer) = try await network.connect()
      await withDiscardingTaskGroup { tasks in
        tasks.addTask {
          #expect(await !connection.write(pattern(1 << 20)))
        }
        await client.sleep(for: .seconds(1))
        connection.close()
        #expect(connection.failure == nil)
      }
      let received = await peer.readAll()
      #expect(received.count >= TCPLimits().initialSendBuffer)
      #expect(received == Array(pattern(1 << 20).prefix(received.count)))
    }
  }

  @Test func the_end_of_the_value_closes() throws {
    let network = TestNetwork()
    try network.play { _, _ in
      var ends: (client: Connection, server: Connection)?
      ends = try await network.connect()
      let peer = ends!.server
      await ends!.client.write(pattern(30_000))
      ends = nil
      #expect(await peer.readAll() == pattern(30_000))
      #expect(peer.failure == nil)
    }
  }

  @Test func the_end_of_the_value_with_bytes_unread_resets() throws {
    let network = TestNetwork()
    try network.play { client, _ in
      var ends: (client: Connection, server: Connection)?
      ends = try await network.connect()
      let connection = ends!.client
      await connection.write([1, 2, 3])
      await client.sleep(for: .seconds(1))
      ends = nil
      #expect(await connection.isAtEnd())
      #expect(connection.failure == .reset)
    }
  }

  @Test func abort_resets_both_ends() throws {
    let network = TestNetwork()
    try network.play { client, _ in
      let (connection, peer) = try await network.connect()
      await withDiscardingTaskGroup { tasks in
        // Wakes who waits, here and there.
        tasks.addTask { #expect(await connection.isAtEnd()) }
        tasks.addTask { #expect(await peer.isAtEnd()) }
        await client.sleep(for: .seconds(1))
        connection.abort()
      }
      #expect(connection.failure == .reset)
      #expect(peer.failure == .reset)
      #expect(await !connection.write([1]))
      #expect(await !peer.write([1]))
    }
  }

  @Test func abort_ends_the_peer_s_write_that_waits() throws {
    let network = TestNetwork()
    try network.play { client, _ in
      let (connection, peer) = try await network.connect()
      await withDiscardingTaskGroup { tasks in
        tasks.addTask {
          #expect(await !peer.write(pattern(1 << 20)))
          #expect(peer.failure == .reset)
        }
        await client.sleep(for: .seconds(1))
        connection.abort()
      }
    }
  }

  @Test func abort_of_what_is_over_is_no_failure() throws {
    let network = TestNetwork()
    try network.play { client, _ in
      let (connection, peer) = try await network.connect()
      connection.close()
      peer.close()
      #expect(await connection.isAtEnd())
      #expect(await peer.isAtEnd())
      await client.sleep(for: .seconds(1))
      connection.abort()
      peer.abort()
      #expect(connection.failure == nil)
      #expect(peer.failure == nil)
    }
  }

  @Test func abort_of_what_was_reset_keeps_the_reason() throws {
    let network = TestNetwork()
    try network.play { client, _ in
      let (connection, peer) = try await network.connect()
      network.loseSegments()
      await withDiscardingTaskGroup { tasks in
        tasks.addTask {
          await connection.write([1])
          // RFC 9293 §3.8.3: gives up.
          #expect(await connection.isAtEnd())
          connection.abort()
          #expect(connection.failure == .timedOut)
        }
      }
      peer.abort()
    }
  }

  @Test func endpoints_are_there_until_the_value_ends() throws {
    let network = TestNetwork()
    try network.play { client, _ in
      let (connection, peer) = try await network.connect()
      let (local, remote) = (connection.local, connection.remote)
      #expect(local == peer.remote)
      #expect(remote == peer.local)
      connection.abort()
      #expect(connection.local == local)
      #expect(connection.remote == remote)
    }
  }
}
