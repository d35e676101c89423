import Net
import Testing
import TestMachines

@testable import Apus

@Suite struct CancellationTests {
  @Test func in_a_read_resets_the_connection() throws {
    let network = TestNetwork()
    try network.play { client, _ in
      let (connection, peer) = try await network.connect()
      let gotBytes = await cancelled(after: .seconds(1), of: client) {
        await connection.read() != nil
      }
      #expect(!gotBytes)
      #expect(connection.failure == .cancelled)
      #expect(await peer.isAtEnd())
      #expect(peer.failure == .reset)
    }
  }

  @Test func in_a_write_resets_the_connection() throws {
    let network = TestNetwork()
    try network.play { client, _ in
      let (connection, peer) = try await network.connect()
      let wasWritten = await cancelled(after: .seconds(1), of: client) {
        await connection.write(pattern(1 << 20))
      }
      #expect(!wasWritten)
      #expect(connection.failure == .cancelled)
      await client.sleep(for: .seconds(1))
      #expect(await peer.isAtEnd())
      #expect(peer.failure == .reset)
    }
  }

  @Test func in_an_accept_closes_the_listener() throws {
    let network = TestNetwork()
    try network.play { client, server in
      let listener = try server.network.listen(port: 7)
      let accepted = await cancelled(after: .seconds(1), of: server) {
        await listener.accept() != nil
      }
      #expect(!accepted)
      #expect(
        await failure { () throws(NetworkError) in
          _ = try await client.network.connect(to: network.server.endpoint(7))
        } == .refused
      )
      #expect(await listener.accept() == nil)
    }
  }

  @Test func in_a_connect_ends_it() throws {
    let network = TestNetwork()
    network.loseSegments()
    try network.play { client, _ in
      let start = network.now
      let error = await cancelled(after: .seconds(2), of: client) {
        await failure { () throws(NetworkError) in
          _ = try await client.network.connect(to: network.server.endpoint(7))
        }
      }
      #expect(error == .cancelled)
      #expect(network.elapsed(since: start) == .seconds(2))
    }
  }

  @Test func in_a_connect_tells_a_peer_that_has_answered() throws {
    let network = TestNetwork()
    network.latency = .milliseconds(100)
    try network.play { client, server in
      let listener = try server.network.listen(port: 7)
      // The server's announcement comes at 100 ms, the SYN is there at 200, its
      // answer back at 300.
      let error = await cancelled(after: .milliseconds(250), of: client) {
        await failure { () throws(NetworkError) in
          _ = try await client.network.connect(to: network.server.endpoint(7))
        }
      }
      #expect(error == .cancelled)
      await client.sleep(for: .seconds(10))
      #expect(listener.tryAccept() == nil)
      let counters = network.server.host.stack.counters.tcp
      #expect(counters.resetsReceived == 1)
    }
  }

  @Test func in_a_receive_closes_the_socket() throws {
    let network = TestNetwork()
    try network.play { _, server in
      let socket = try server.network.bind(port: 7)
      let received = await cancelled(after: .seconds(1), of: server) {
        await socket.receive() != nil
      }
      #expect(!received)
      #expect(socket.port == nil)
      #expect(await socket.receiveCopy() == nil)
      #expect(try server.network.bind(port: 7).port == 7)
    }
  }

  @Test func in_a_send_closes_the_socket() throws {
    let network = TestNetwork()
    network.ringSize = 0
    try network.play { client, _ in
      let socket = try client.network.bind()
      let error = await cancelled(after: .seconds(1), of: client) {
        await failure { () throws(NetworkError) in
          while true {
            try await socket.send([1], to: network.server.endpoint(7))
          }
        }
      }
      #expect(error == .cancelled)
      #expect(socket.port == nil)
      network.ringSize = 256
    }
  }

  @Test func in_a_sleep_ends_it() throws {
    let network = TestNetwork()
    try network.play { client, _ in
      let start = network.now
      let slept = await cancelled(after: .seconds(1), of: client) {
        await client.sleep(for: .seconds(100))
      }
      #expect(!slept)
      #expect(network.elapsed(since: start) == .seconds(1))
    }
  }

  @Test func while_waiting_for_an_address_ends_it() throws {
    var options = TestNetwork.Options()
    options.hasAddress = false
    let network = TestNetwork(client: options)
    try network.play { client, _ in
      let lease = await cancelled(after: .seconds(1), of: client) {
        await client.network.waitUntilBound()
      }
      #expect(lease == nil)
    }
  }

  @Test func before_it_waits_ends_everything_at_once() throws {
    let network = TestNetwork()
    try network.play { client, server in
      let (connection, peer) = try await network.connect()
      let listener = try server.network.listen(port: 9)
      let socket = try server.network.bind(port: 9)
      let start = network.now
      await withDiscardingTaskGroup { tasks in
        tasks.cancelAll()
        tasks.addTask { #expect(await connection.isAtEnd()) }
        tasks.addTask { #expect(await listener.accept() == nil) }
        tasks.addTask { #expect(await socket.receiveCopy() == nil) }
        tasks.addTask { #expect(await !client.sleep(for: .seconds(9))) }
        tasks.addTask {
          #expect(
            await failure { () throws(NetworkError) in
              _ = try await client.network.connect(
                to: network.server.endpoint(9)
              )
            } == .cancelled
          )
        }
      }
      #expect(network.now == start)
      #expect(connection.failure == .cancelled)
      #expect(await peer.isAtEnd())
    }
  }

  @Test func what_is_there_is_given_to_a_cancelled_task() throws {
    let network = TestNetwork()
    try network.play { client, server in
      let (connection, peer) = try await network.connect()
      await connection.write([1, 2, 3])
      await client.sleep(for: .seconds(1))
      await withDiscardingTaskGroup { tasks in
        tasks.cancelAll()
        tasks.addTask {
          #expect(await peer.read(count: 3) == [1, 2, 3])
          #expect(peer.failure == nil)
        }
      }
      connection.close()
      #expect(await peer.isAtEnd())
    }
  }

  @Test func of_a_service_closes_all_that_it_has_open() throws {
    let network = TestNetwork()
    try network.play { client, server in
      await withDiscardingTaskGroup { group in
        group.addTask {
          await withDiscardingTaskGroup { tasks in
            let listener = try! server.network.listen(port: 7)
            for await connection in listener {
              tasks.addTask {
                while let bytes = await connection.read() {
                  await connection.write(bytes)
                }
              }
            }
          }
        }
        let clients = Box<[Connection]>([])
        for _ in 0..<10 {
          clients.value.append(
            try! await client.network.connect(to: network.server.endpoint(7))
          )
        }
        await client.sleep(for: .seconds(1))
        group.cancelAll()
        for connection in clients.value {
          #expect(await connection.isAtEnd())
          #expect(connection.failure == .reset)
        }
        #expect(network.server.host.waits.count == 0)
      }
    }
  }
}
