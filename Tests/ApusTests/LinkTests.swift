import Net
import Testing
import TestMachines

@testable import Apus

@Suite struct LinkTests {
  @Test func the_link_is_up_until_the_device_says_otherwise() throws {
    let network = TestNetwork()
    try network.play { client, _ in
      #expect(client.network.isLinkUp)
      let host = network.client.host
      host.setLink(up: false, at: network.now)
      #expect(!client.network.isLinkUp)
      host.setLink(up: true, at: network.now)
      #expect(client.network.isLinkUp)
    }
  }

  @Test func changes_are_told_to_all_that_wait_in_order() throws {
    let network = TestNetwork()
    try network.play { client, _ in
      let told = Box<[[Bool]]>([[], [], []])
      await withDiscardingTaskGroup { tasks in
        for index in 0..<3 {
          tasks.addTask {
            for await isUp in client.network.linkChanges {
              told.value[index].append(isUp)
              if told.value[index].count == 3 { return }
            }
          }
        }
        await client.sleep(for: .seconds(1))
        for isUp in [false, true, false] {
          network.client.host.setLink(up: isUp, at: network.now)
          await client.sleep(for: .milliseconds(1))
        }
      }
      #expect(told.value == Array(repeating: [false, true, false], count: 3))
    }
  }

  @Test func the_same_again_and_a_flap_unnoticed_are_no_changes() throws {
    let network = TestNetwork()
    try network.play { client, _ in
      let told = Box<[Bool]>([])
      let host = network.client.host
      await withTaskGroup(of: Void.self) { group in
        group.addTask {
          for await isUp in client.network.linkChanges {
            told.value.append(isUp)
          }
        }
        await client.sleep(for: .seconds(1))
        host.setLink(up: true, at: network.now)
        await client.sleep(for: .seconds(1))
        #expect(told.value == [])
        // Down and up before the task has its turn.
        host.setLink(up: false, at: network.now)
        host.setLink(up: true, at: network.now)
        await client.sleep(for: .seconds(1))
        #expect(told.value == [])
        host.setLink(up: false, at: network.now)
        await client.sleep(for: .seconds(1))
        #expect(told.value == [false])
        group.cancelAll()
      }
      host.setLink(up: true, at: network.now)
      #expect(told.value == [false])
    }
  }

  @Test func cancellation_ends_the_changes() throws {
    let network = TestNetwork()
    try network.play { client, _ in
      let start = network.now
      let change = await cancelled(after: .seconds(3), of: client) {
        var changes = client.network.linkChanges.makeAsyncIterator()
        return await changes.next()
      }
      #expect(change == nil)
      #expect(network.elapsed(since: start) == .seconds(3))
    }
  }

  /// RFC 2131 §4.4.2 as an app sees it: not at all.
  @Test(arguments: [1, 20, 100])
  func connection_outlives_a_link_that_goes_and_comes_back(
    _ seconds: Int
  ) throws {
    let network = TestNetwork()
    try network.play { client, server in
      let (connection, peer) = try await network.connect()
      let host = network.client.host
      #expect(await connection.write([1]))
      #expect(await peer.read(count: 1) == [1])
      host.setLink(up: false, at: network.now)
      #expect(await connection.write([2, 3]))
      #expect(await peer.write([4]))
      await client.sleep(for: .seconds(Int64(seconds)))
      #expect(!peer.hasBytes())
      host.setLink(up: true, at: network.now)
      #expect(await peer.read(count: 2) == [2, 3])
      #expect(await connection.read(count: 1) == [4])
      #expect(connection.failure == nil)
      connection.close()
      #expect(await peer.isAtEnd())
    }
  }

  @Test func a_datagram_socket_stays_and_its_datagram_waits() throws {
    let network = TestNetwork()
    try network.play { client, server in
      let socket = try client.network.bind(port: 5)
      let peer = try server.network.bind(port: 6)
      let host = network.client.host
      host.setLink(up: false, at: network.now)
      try await socket.send([7], to: network.server.endpoint(6))
      #expect(await peer.receiveCopy(timeout: .seconds(5)) == nil)
      host.setLink(up: true, at: network.now)
      let received = await peer.receiveCopy(timeout: .seconds(5))
      #expect(received?.bytes == [7])
      #expect(received?.source.port == 5)
    }
  }

  @Test func announcing_asks_the_link_for_the_own_address() throws {
    let network = TestNetwork()
    let announcements = Box(0)
    network.loses = { frame, isFromClient in
      // ARP, a request, whose sender and target are 10.0.0.1.
      if isFromClient, Array(frame[12..<14]) == [0x08, 0x06], frame[21] == 1,
        Array(frame[28..<32]) == [10, 0, 0, 1],
        Array(frame[38..<42]) == [10, 0, 0, 1]
      {
        announcements.value += 1
      }
      return false
    }
    try network.play { client, _ in
      await client.sleep(for: .seconds(1))
      let before = announcements.value
      network.client.host.announce()
      await client.sleep(for: .seconds(10))
      #expect(announcements.value == before + 1)
    }
  }
}
