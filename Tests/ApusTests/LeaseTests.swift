import Net
import Testing
import TestMachines

@testable import Apus

@Suite struct LeaseTests {
  /// A client without an address, and a server that grants one for so many
  /// seconds, from the second try on.
  private func makeNetwork(lease: UInt32) -> TestNetwork {
    var options = TestNetwork.Options()
    options.hasAddress = false
    let network = TestNetwork(client: options)
    let tries = Box(0)
    network.loses = { [unowned network] frame, isFromClient in
      guard isFromClient, DHCPReply.messageType(of: frame) != nil else {
        return false
      }
      tries.value += 1
      if tries.value > 1,
        let answer = DHCPReply.answer(to: frame, lease: lease)
      {
        network.send(answer, toServer: false)
      }
      return true
    }
    return network
  }

  @Test func waitUntilBound_wakes_all_that_wait() throws {
    let network = makeNetwork(lease: 1 << 31)
    try network.play { client, server in
      #expect(client.network.lease == nil)
      let start = network.now
      await withDiscardingTaskGroup { tasks in
        for _ in 0..<3 {
          tasks.addTask {
            let lease = await client.network.waitUntilBound()
            #expect(lease?.address == IPv4Address(10, 0, 0, 1))
            #expect(lease?.prefixLength == 24)
          }
        }
      }
      #expect(network.elapsed(since: start) > .seconds(1))
      let bound = network.now
      #expect(await client.network.waitUntilBound() != nil)
      #expect(network.now == bound)
      let (connection, peer) = try await network.connect()
      connection.close()
      #expect(await peer.isAtEnd())
    }
  }

  @Test func what_is_lost_with_the_address_says_so() throws {
    let network = makeNetwork(lease: 60)
    try network.play { client, server in
      let changes = Box<[IPv4Address?]>([])
      network.client.host.onLeaseChange = { changes.value.append($1?.address) }
      _ = await client.network.waitUntilBound()
      let (connection, peer) = try await network.connect()
      // Nobody renews.
      network.loses = { _, isFromClient in isFromClient }
      #expect(await connection.isAtEnd())
      #expect(connection.failure == .noAddress)
      #expect(client.network.lease == nil)
      #expect(changes.value == [IPv4Address(10, 0, 0, 1), nil])
      peer.abort()
    }
  }
}
