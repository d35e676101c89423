import Net
import Testing
import TestMachines

@testable import Apus

@Suite struct SleepTests {
  @Test(arguments: [1, 999, 1_000_000_007, 86_400_000_000_000 / 48])
  func lasts_as_long_as_asked(nanoseconds: Int64) throws {
    let network = TestNetwork()
    try network.play { client, _ in
      let (start, uptime) = (network.now, client.uptime)
      #expect(await client.sleep(for: .nanoseconds(nanoseconds)))
      #expect(network.elapsed(since: start) == .nanoseconds(nanoseconds))
      #expect(client.uptime - uptime == .nanoseconds(nanoseconds))
    }
  }

  @Test(arguments: [Duration.zero, .seconds(-5), .seconds(Int64.min)])
  func of_no_time_lets_others_run(duration: Duration) throws {
    let network = TestNetwork()
    try network.play { client, _ in
      let start = network.now
      let others = Box(0)
      await withDiscardingTaskGroup { tasks in
        tasks.addTask { others.value += 1 }
        #expect(await client.sleep(for: duration))
        #expect(others.value == 1)
      }
      #expect(network.now == start)
    }
  }

  @Test func ends_in_the_order_of_deadlines_and_then_of_calls() throws {
    let network = TestNetwork()
    try network.play { client, _ in
      let order = Box<[Int]>([])
      // Many with the same deadline, in a pattern that a heap would mix.
      let durations = (0..<300).map { ($0 * 7) % 10 + 1 }
      await withDiscardingTaskGroup { tasks in
        for (index, duration) in durations.enumerated() {
          tasks.addTask {
            await client.sleep(for: .milliseconds(duration))
            order.value.append(index)
          }
        }
      }
      let expected = durations.indices.sorted {
        (durations[$0], $0) < (durations[$1], $1)
      }
      #expect(order.value == expected)
    }
  }

  @Test func ten_thousand_waits_use_the_same_memory() throws {
    let network = TestNetwork()
    try network.play { client, _ in
      for _ in 0..<10_000 {
        await client.sleep(for: .milliseconds(1))
      }
      #expect(network.client.host.waits.capacity == 1)
      let (connection, peer) = try await network.connect()
      await withDiscardingTaskGroup { tasks in
        tasks.addTask {
          while let bytes = await peer.read(timeout: .seconds(1)) {
            await peer.write(bytes)
          }
        }
        for number in 0..<2_000 {
          let bytes = [UInt8(truncatingIfNeeded: number)]
          await connection.write(bytes)
          #expect(await connection.read(count: 1) == bytes)
        }
        connection.close()
      }
      #expect(network.client.host.waits.capacity <= 2)
      #expect(network.server.host.waits.capacity <= 2)
    }
  }
}
