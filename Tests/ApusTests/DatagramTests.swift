import Net
import Testing
import TestMachines

@testable import Apus

@Suite struct DatagramTests {
  @Test func come_back_from_an_echo() throws {
    let network = TestNetwork()
    try network.play { client, server in
      let echo = try server.network.bind(port: 7)
      await withDiscardingTaskGroup { tasks in
        tasks.addTask {
          while let datagram = await echo.receive() {
            try? await echo.send(datagram, to: datagram.source)
          }
        }
        let socket = try! client.network.bind()
        // The last ones are larger than a packet.
        for count in [0, 1, 100, 1472, 1473, 9000] {
          try! await socket.send(
            pattern(count),
            to: network.server.endpoint(7)
          )
          let answer = await socket.receiveCopy(timeout: .seconds(1))
          #expect(answer?.bytes == pattern(count))
          #expect(answer?.source == network.server.endpoint(7))
        }
        tasks.cancelAll()
      }
    }
  }

  @Test func too_large_a_message_is_refused() throws {
    let network = TestNetwork()
    try network.play { client, _ in
      let socket = try client.network.bind()
      #expect(
        await failure { () throws(NetworkError) in
          try await socket.send(pattern(65508), to: network.server.endpoint(7))
        } == .messageTooLarge
      )
    }
  }

  @Test func nobody_at_the_port_is_told_who_waits_for_an_answer() throws {
    let network = TestNetwork()
    try network.play { client, _ in
      let socket = try client.network.bind()
      let nobody = network.server.endpoint(9)
      try! await socket.send([1], to: nobody)
      #expect(
        await failure { () throws(NetworkError) in
          _ = try await socket.receive(from: nobody, timeout: .seconds(5))
        } == .refused
      )
      // Once: from then on it is as before.
      try! await socket.send([1], to: nobody)
    }
  }

  @Test func nobody_at_the_port_does_not_end_who_serves_many() throws {
    let network = TestNetwork()
    try network.play { client, server in
      let serving = try server.network.bind(port: 7)
      let asking = try client.network.bind()
      try! await serving.send([1], to: network.client.endpoint(9))
      try! await asking.send([2], to: network.server.endpoint(7))
      let datagram = await serving.receiveCopy(timeout: .seconds(5))
      #expect(datagram?.bytes == [2])
    }
  }

  @Test func a_group_is_received_until_the_socket_is_closed() throws {
    let network = TestNetwork()
    try network.play { client, server in
      let group = IPv4Address(224, 0, 0, 251)
      let everybody = Endpoint(address: group, port: 5353)
      let listening = try server.network.bind(port: 5353)
      try listening.join(group)
      let asking = try client.network.bind(port: 5353)
      try! await asking.send([1], to: everybody)
      let first = await listening.receiveCopy(timeout: .seconds(5))
      #expect(first?.bytes == [1])
      listening.close()
      let again = try server.network.bind(port: 5353)
      try! await asking.send([2], to: everybody)
      let second = await again.receiveCopy(timeout: .seconds(1))
      #expect(second == nil)
      #expect(
        await failure { () throws(NetworkError) in
          try again.join(IPv4Address(10, 0, 0, 1))
        } == .unreachable
      )
    }
  }

  @Test func errors_say_why() throws {
    var options = TestNetwork.Options()
    options.hasAddress = false
    let network = TestNetwork(client: options)
    try network.play { client, server in
      let socket = try client.network.bind(port: 5)
      let endpoint = network.server.endpoint(7)
      #expect(
        await failure { () throws(NetworkError) in
          try await socket.send([1], to: endpoint)
        } == .noAddress
      )
      #expect(
        await failure { () throws(NetworkError) in
          _ = try client.network.bind(port: 5)
        } == .addressInUse
      )
      socket.close()
      #expect(
        await failure { () throws(NetworkError) in
          try await socket.send([1], to: endpoint)
        } == .closed
      )
      let other = try server.network.bind()
      #expect(
        await failure { () throws(NetworkError) in
          try await other.send(
            [1],
            to: Endpoint(address: IPv4Address(192, 0, 2, 1), port: 7)
          )
        } == .unreachable
      )
    }
  }

  @Test func sockets_are_limited() throws {
    let network = TestNetwork()
    try network.play { client, _ in
      var sockets: [DatagramSocket] = []
      for _ in 0..<Limits().sockets {
        sockets.append(try client.network.bind())
      }
      #expect(Set(sockets.map(\.port)).count == Limits().sockets)
      #expect(
        await failure { () throws(NetworkError) in
          _ = try client.network.bind()
        } == .limitReached
      )
      sockets.removeLast()
      _ = try client.network.bind()
    }
  }

  @Test func send_waits_for_room_and_no_longer() throws {
    let network = TestNetwork()
    try network.play { client, server in
      try await network.introduce()
      // A wire that takes four frames in a millisecond.
      network.ringSize = 4
      let receiver = try server.network.bind(port: 7)
      let socket = try client.network.bind()
      let sent = Box(0)
      await withDiscardingTaskGroup { tasks in
        tasks.addTask {
          for number in 0..<UInt8(200) {
            try? await socket.send([number], to: network.server.endpoint(7))
            sent.value += 1
          }
        }
        await client.sleep(for: .zero)
        // What waits at the most, and perhaps what is on the wire.
        #expect(sent.value <= Limits().unsentDatagramsPerSocket + 4)
        let start = network.now
        var numbers: [UInt8] = []
        while let next = await receiver.receiveCopy(timeout: .seconds(1)) {
          numbers += next.bytes
        }
        #expect(numbers == Array(0..<200))
        #expect(sent.value == 200)
        #expect(network.elapsed(since: start) < .milliseconds(1100))
      }
    }
  }

  @Test func close_ends_a_receive_and_a_send_that_wait() throws {
    let network = TestNetwork()
    try network.play { client, _ in
      let socket = try client.network.bind()
      await withDiscardingTaskGroup { tasks in
        tasks.addTask { #expect(await socket.receiveCopy() == nil) }
        network.ringSize = 0
        tasks.addTask {
          #expect(
            await failure { () throws(NetworkError) in
              while true {
                try await socket.send([1], to: network.server.endpoint(7))
              }
            } == .closed
          )
        }
        await client.sleep(for: .seconds(1))
        socket.close()
        network.ringSize = 256
      }
    }
  }

  @Test func the_end_of_the_value_frees_the_port() throws {
    let network = TestNetwork()
    try network.play { client, _ in
      do { _ = try client.network.bind(port: 7) }
      let socket = try client.network.bind(port: 7)
      #expect(socket.port == 7)
      let isThere = socket.tryReceive() != nil
      #expect(!isThere)
    }
  }
}
