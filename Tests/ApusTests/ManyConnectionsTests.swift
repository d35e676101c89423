import Net
import Testing
import TestMachines

@testable import Apus

@Suite struct ManyConnectionsTests {
  @Test func three_hundred_at_once_each_get_their_bytes() throws {
    var options = TestNetwork.Options()
    options.packets = 4096
    let network = TestNetwork(client: options, server: options)
    try network.play { client, server in
      let most = Box(0)
      await withTaskGroup { services in
        services.addTask {
          let listener = try! server.network.listen(port: 7, backlog: 512)
          let open = Box(0)
          await listener.serve { connection in
            open.value += 1
            most.value = max(most.value, open.value)
            while let bytes = await connection.read() {
              await connection.write(bytes)
            }
            open.value -= 1
          }
          #expect(open.value == 0)
        }
        await withDiscardingTaskGroup { tasks in
          for number in 0..<300 {
            tasks.addTask {
              let connection = try! await client.network.connect(
                to: network.server.endpoint(7)
              )
              // All are open before the first one closes.
              await client.sleep(for: .seconds(5))
              await connection.write(pattern(4096, seed: number))
              connection.close()
              let bytes = await connection.readAll()
              #expect(bytes == pattern(4096, seed: number))
              #expect(connection.failure == nil)
            }
          }
        }
        services.cancelAll()
      }
      #expect(most.value == 300)
    }
  }

  /// More than one group of tasks has, again and again, some of them for long.
  @Test func served_in_groups_that_empty_and_fill() throws {
    var options = TestNetwork.Options()
    options.packets = 4096
    let network = TestNetwork(client: options, server: options)
    try network.play { client, server in
      let listener = try server.network.listen(port: 7, backlog: 512)
      let endpoint = network.server.endpoint(7)
      let (open, served) = (Box(0), Box(0))
      await withDiscardingTaskGroup { services in
        services.addTask {
          await listener.serve { connection in
            open.value += 1
            while await connection.read() != nil {}
            open.value -= 1
            served.value += 1
          }
        }
        var staying: [Connection] = []
        for _ in 0..<3 {
          var leaving: [Connection] = []
          for number in 0..<150 {
            let connection = try! await client.network.connect(to: endpoint)
            if number % 5 == 0 {
              staying.append(connection)
            } else {
              leaving.append(connection)
            }
          }
          await client.sleep(for: .seconds(1))
          #expect(open.value == staying.count + leaving.count)
          for connection in leaving { connection.close() }
          await client.sleep(for: .seconds(1))
          #expect(open.value == staying.count)
        }
        // No more come; those that are there are served to their end.
        listener.close()
        await staying[0].write([1])
        for connection in staying { connection.close() }
      }
      #expect(open.value == 0)
      #expect(served.value == 450)
    }
  }

  @Test func cancelled_serving_ends_all() throws {
    let network = TestNetwork()
    try network.play { client, server in
      let listener = try server.network.listen(port: 7, backlog: 512)
      let endpoint = network.server.endpoint(7)
      let failures = Box(0)
      var connections: [Connection] = []
      await withTaskGroup { services in
        services.addTask {
          await listener.serve { connection in
            while await connection.read() != nil {}
            if connection.failure == .cancelled { failures.value += 1 }
          }
        }
        for _ in 0..<100 {
          connections.append(try! await client.network.connect(to: endpoint))
        }
        await client.sleep(for: .seconds(1))
        services.cancelAll()
      }
      #expect(failures.value == 100)
      for connection in connections { #expect(await connection.isAtEnd()) }
      #expect(listener.tryAccept() == nil)
    }
  }

  @Test(arguments: [1, 2, 3] as [UInt64])
  func bytes_are_whole_on_a_wire_that_loses(seed: UInt64) throws {
    let network = TestNetwork()
    let random = Box(RandomNumbers(seed: SipHash.Key(seed, 0)))
    network.loses = { _, _ in random.value.next() % 20 == 0 }
    try network.play { client, _ in
      let (connection, peer) = try await network.connect()
      await withDiscardingTaskGroup { tasks in
        tasks.addTask {
          while let bytes = await peer.read() { await peer.write(bytes) }
          peer.close()
        }
        tasks.addTask {
          await connection.write(pattern(200_000))
          connection.close()
        }
        #expect(
          await connection.readAll() == pattern(200_000),
          "seed \(seed)"
        )
        #expect(connection.failure == nil, "seed \(seed)")
      }
    }
  }
}
