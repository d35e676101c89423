import Net
import Testing
import TestMachines

@testable import Apus

@Suite struct ConnectTests {
  @Test func a_closed_port_refuses_at_once() throws {
    let network = TestNetwork()
    try network.play { client, _ in
      let start = network.now
      #expect(
        await failure { () throws(NetworkError) in
          _ = try await client.network.connect(to: network.server.endpoint(9))
        } == .refused
      )
      // Both learn where the other is; no timeout has to pass.
      #expect(network.elapsed(since: start) < .milliseconds(10))
    }
  }

  @Test func options_are_heeded() throws {
    let network = TestNetwork()
    let handling = Box<[[UInt8]]>([])
    network.loses = { frame, _ in
      if Array(frame[12..<14]) == [0x08, 0x00], frame[23] == 6 {
        handling.value.append([frame[15], frame[22]])
      }
      return false
    }
    try network.play { client, server in
      var options = ConnectionOptions()
      options.differentiatedServices = .expedited
      options.timeToLive = 9
      let listener = try server.network.listen(port: 7, options: options)
      let connection = try await client.network.connect(
        to: network.server.endpoint(7),
        options: options
      )
      let peer = try #require(await listener.accept())
      #expect(handling.value.allSatisfy { $0 == [0xB8, 9] })
      #expect(handling.value.count >= 2)
      handling.value = []
      connection.setDifferentiatedServices(.lowerEffort)
      connection.setTimeToLive(3)
      await connection.write([1, 2, 3])
      #expect(await peer.read()?.count == 3)
      #expect(handling.value.contains([0x04, 3]))
      // No interface has this one.
      options.localAddress = IPAddress(IPv4Address(192, 0, 2, 1))
      let other = options
      #expect(
        await failure { () throws(NetworkError) in
          _ = try await client.network.connect(
            to: network.server.endpoint(7),
            options: other
          )
        } == .noAddress
      )
    }
  }

  @Test(arguments: [1, 250, 5000]) func a_timeout_ends_it(
    milliseconds: Int64
  ) throws {
    let network = TestNetwork()
    network.loseSegments()
    try network.play { client, _ in
      let start = network.now
      #expect(
        await failure { () throws(NetworkError) in
          _ = try await client.network.connect(
            to: network.server.endpoint(9),
            timeout: .milliseconds(milliseconds)
          )
        } == .timedOut
      )
      #expect(
        network.elapsed(since: start) == .milliseconds(milliseconds)
      )
    }
  }

  @Test func without_a_timeout_TCP_gives_up() throws {
    let network = TestNetwork()
    network.loseSegments()
    try network.play { client, _ in
      let start = network.now
      #expect(
        await failure { () throws(NetworkError) in
          _ = try await client.network.connect(to: network.server.endpoint(9))
        } == .timedOut
      )
      // RFC 9293 §3.8.3 (MUST-23).
      #expect(network.elapsed(since: start) >= .seconds(180))
    }
  }

  @Test func a_lost_segment_is_no_matter() throws {
    let network = TestNetwork()
    let isLost = Box(false)
    network.loses = { frame, _ in
      guard !isLost.value, frame[12] == 8, frame[13] == 0 else { return false }
      isLost.value = true
      return true
    }
    try network.play { client, _ in
      let (connection, peer) = try await network.connect()
      #expect(isLost.value)
      connection.close()
      #expect(await peer.isAtEnd())
    }
  }

  @Test func no_way_there_is_unreachable() throws {
    let network = TestNetwork()
    try network.play { client, _ in
      for address in [
        IPv4Address(192, 168, 1, 1), .any, .broadcast,
        IPv4Address(224, 0, 0, 1), IPv4Address(10, 0, 0, 255),
      ] {
        #expect(
          await failure { () throws(NetworkError) in
            _ = try await client.network.connect(
              to: Endpoint(address: address, port: 80)
            )
          } == .unreachable
        )
      }
    }
  }

  @Test func before_an_address_there_is_noAddress() throws {
    var options = TestNetwork.Options()
    options.hasAddress = false
    let network = TestNetwork(client: options)
    try network.play { client, _ in
      #expect(
        await failure { () throws(NetworkError) in
          _ = try await client.network.connect(to: network.server.endpoint(9))
        } == .noAddress
      )
    }
  }

  @Test func the_limit_is_told() throws {
    var options = TestNetwork.Options()
    options.tcpLimits.connections = 2
    let network = TestNetwork(client: options)
    try network.play { client, server in
      let listener = try server.network.listen(port: 7)
      let endpoint = network.server.endpoint(7)
      let first = try await client.network.connect(to: endpoint)
      let second = try await client.network.connect(to: endpoint)
      #expect(
        await failure { () throws(NetworkError) in
          _ = try await client.network.connect(to: endpoint)
        } == .limitReached
      )
      first.abort()
      second.abort()
      listener.close()
    }
  }
}
