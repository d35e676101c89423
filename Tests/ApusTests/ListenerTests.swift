import Net
import Testing
import TestMachines

@testable import Apus

@Suite struct ListenerTests {
  @Test func close_ends_the_loop_and_frees_the_port() throws {
    let network = TestNetwork()
    try network.play { _, server in
      let listener = try server.network.listen(port: 7)
      await withDiscardingTaskGroup { tasks in
        tasks.addTask {
          for await _ in listener { Issue.record("nobody connects") }
        }
        await server.sleep(for: .seconds(1))
        listener.close()
        listener.close()
      }
      #expect(await listener.accept() == nil)
      #expect(listener.tryAccept() == nil)
      _ = try server.network.listen(port: 7)
    }
  }

  @Test func close_resets_those_that_wait() throws {
    let network = TestNetwork()
    try network.play { client, server in
      let listener = try server.network.listen(port: 7)
      let endpoint = network.server.endpoint(7)
      let first = try await client.network.connect(to: endpoint)
      let second = try await client.network.connect(to: endpoint)
      let accepted = try #require(await listener.accept())
      #expect(accepted.remote == first.local)
      listener.close()
      #expect(await second.isAtEnd())
      #expect(second.failure == .reset)
      // Who was accepted is no concern of the listener's any more.
      await accepted.write([1])
      accepted.close()
      #expect(await first.readAll() == [1])
      #expect(first.failure == nil)
    }
  }

  @Test func the_end_of_the_value_closes() throws {
    let network = TestNetwork()
    try network.play { client, server in
      do { _ = try server.network.listen(port: 7) }
      #expect(
        await failure { () throws(NetworkError) in
          _ = try await client.network.connect(to: network.server.endpoint(7))
        } == .refused
      )
    }
  }

  @Test func a_port_has_one_listener() throws {
    let network = TestNetwork()
    try network.play { _, server in
      let listener = try server.network.listen(port: 7)
      #expect(
        await failure { () throws(NetworkError) in
          _ = try server.network.listen(port: 7)
        } == .addressInUse
      )
      listener.close()
    }
  }

  @Test func several_tasks_accept_what_comes_at_once() throws {
    let network = TestNetwork()
    try network.play { client, server in
      let listener = try server.network.listen(port: 7)
      let accepted = Box(0)
      await withDiscardingTaskGroup { tasks in
        for _ in 0..<5 {
          tasks.addTask {
            guard let connection = await listener.accept() else { return }
            accepted.value += 1
            // All five are held: none is there for a task that was not woken.
            while await !connection.isAtEnd() {}
          }
        }
        await server.sleep(for: .seconds(1))
        // Handshakes that end in the same turn are one event.
        await withDiscardingTaskGroup { clients in
          for _ in 0..<5 {
            clients.addTask {
              let connection = try? await client.network.connect(
                to: network.server.endpoint(7)
              )
              await client.sleep(for: .seconds(5))
              #expect(accepted.value == 5)
              connection?.close()
            }
          }
        }
      }
    }
  }

  @Test func beyond_the_backlog_peers_try_again() throws {
    let network = TestNetwork()
    try network.play { client, server in
      try await network.introduce()
      let listener = try server.network.listen(port: 7, backlog: 2)
      await withDiscardingTaskGroup { tasks in
        for number in 0..<UInt8(4) {
          tasks.addTask {
            let connection = try? await client.network.connect(
              to: network.server.endpoint(7)
            )
            await connection?.write([number])
          }
          // The first two are established before the others knock: only who
          // is not can be put out for a newcomer.
          await server.sleep(for: .milliseconds(20))
        }
        let counters = network.server.host.stack.counters.tcp
        #expect(counters.backlogFull == 2)
        var numbers: [UInt8] = []
        for _ in 0..<4 {
          if let connection = await listener.accept() {
            numbers += await connection.readAll()
          }
        }
        #expect(numbers.sorted() == [0, 1, 2, 3])
      }
    }
  }

  @Test func what_befalls_one_connection_befalls_that_one_alone() throws {
    struct Failure: Error {}
    let network = TestNetwork()
    try network.play { client, server in
      await withTaskGroup { outer in
        outer.addTask {
          let listener = try! server.network.listen(port: 7)
          await withDiscardingTaskGroup { tasks in
            for await connection in listener {
              tasks.addTask {
                try? await serve(connection)
              }
            }
          }
        }
        func serve(_ connection: Connection) async throws {
          while let bytes = await connection.read() {
            // With bytes unread and written, the value ends.
            if bytes[0] == 0 { throw Failure() }
            await connection.write(bytes)
          }
        }
        var connections: [Connection] = []
        for _ in 0..<6 {
          connections.append(
            try! await client.network.connect(to: network.server.endpoint(7))
          )
        }
        for (index, connection) in connections.enumerated() {
          await connection.write([UInt8(index % 2)])
        }
        for (index, connection) in connections.enumerated() {
          if index % 2 == 0 {
            #expect(await connection.isAtEnd())
          } else {
            #expect(await connection.read(count: 1) == [1])
            await connection.write([7])
            #expect(await connection.read(count: 1) == [7])
          }
        }
        outer.cancelAll()
      }
    }
  }
}
