import Net
import Packets
import Testing
import TestMachines

@testable import Apus

@Suite struct SystemServicesTests {
  private func makeNetwork() -> TestNetwork {
    var options = TestNetwork.Options()
    options.timeServers = [IPv4Address(10, 0, 0, 2)]
    return TestNetwork(client: options)
  }

  /// Answers one question as a server that has it 2026-03-01T09:05:00Z.
  private static func time(for question: [UInt8]) -> [UInt8] {
    // 0xED4E7FBC s since 1900.
    let then: [UInt8] = [0xED, 0x4E, 0x7F, 0xBC, 0, 0, 0, 0]
    return [0x24, 2, 6, 0xEC] + [UInt8](repeating: 0, count: 20)
      + question[40..<48] + then + then
  }

  @Test func date_isToldByTheServer_andGoesOn() throws {
    let network = makeNetwork()
    try network.play { client, server in
      await withDiscardingTaskGroup { tasks in
        tasks.addTask {
          guard let socket = try? server.network.bind(port: 123) else { return }
          while let (source, question) = await socket.receiveCopy() {
            // A forger who cannot see the question comes first.
            try? await socket.send(
              Self.time(for: [UInt8](repeating: 9, count: 48)),
              to: source
            )
            try? await socket.send(Self.time(for: question), to: source)
          }
        }
        tasks.addTask { await SystemServices(host: client.host).run() }
        #expect(client.date == nil)
        let date = await client.waitUntilDateIsKnown()
        #expect(date?.text == "2026-03-01T09:05:00Z")
        await client.sleep(for: .seconds(60))
        #expect(client.date?.text == "2026-03-01T09:06:00Z")
        let refused = client.counters.first {
          $0.name.description == "ntp: not an answer"
        }
        #expect(refused?.value == 1)
        tasks.cancelAll()
      }
    }
  }

  @Test func serversThatWereSet_areAskedInsteadOfTheLease_s() throws {
    var options = TestNetwork.Options()
    options.timeServers = [IPv4Address(10, 0, 0, 3)]
    let network = TestNetwork(client: options)
    network.client.host.setTimeServers = [
      IPAddress(IPv4Address(10, 0, 0, 2))
    ]
    try network.play { client, server in
      await withDiscardingTaskGroup { tasks in
        tasks.addTask {
          guard let socket = try? server.network.bind(port: 123) else { return }
          while let (source, question) = await socket.receiveCopy() {
            try? await socket.send(Self.time(for: question), to: source)
          }
        }
        tasks.addTask { await SystemServices(host: client.host).run() }
        let date = await client.waitUntilDateIsKnown()
        #expect(date?.text == "2026-03-01T09:05:00Z")
        // Within the first answer: nobody else was asked before.
        #expect(client.uptime < .seconds(5))
        tasks.cancelAll()
      }
    }
  }

  @Test func noTimeServers_noDate_andNothingIsSent() throws {
    let network = TestNetwork()
    let frames = Box(0)
    network.loses = { _, _ in
      frames.value += 1
      return false
    }
    try network.play { client, _ in
      await withDiscardingTaskGroup { tasks in
        tasks.addTask { await SystemServices(host: client.host).run() }
        // What the stack says of itself at the start goes by.
        await client.sleep(for: .seconds(10))
        let before = frames.value
        await client.sleep(for: .seconds(3000))
        #expect(client.date == nil)
        #expect(frames.value == before)
        tasks.cancelAll()
      }
    }
  }

  @Test func waitForTheDate_canBeCancelled() throws {
    let network = TestNetwork()
    try network.play { client, _ in
      let date = await cancelled(after: .seconds(1), of: client) {
        await client.waitUntilDateIsKnown()
      }
      #expect(date == nil)
    }
  }

  // MARK: Names of the link

  /// A service whose group is the other machine: what a socket in the group
  /// would do, as far as two machines can tell.
  private func service(_ network: TestNetwork) -> MulticastDNSService {
    MulticastDNSService(
      host: network.client.host,
      hostName: Array("apus".utf8),
      open: { (network, interface) throws(NetworkError) in
        try network.bind(port: 5353, on: interface)
      }
    )
  }

  @Test func name_isAnswered_whenAsked() throws {
    let network = TestNetwork()
    let service = service(network)
    try network.play { client, server in
      await withDiscardingTaskGroup { tasks in
        tasks.addTask {
          await SystemServices(
            host: client.host,
            beside: { await service.run($0, on: $1) }
          ).run()
        }
        // Probes and announcements have no way out here yet: they are only
        // waited for.
        await client.sleep(for: .seconds(5))
        #expect(client.network.localName()?.text == "apus.local")
        guard let socket = try? server.network.bind() else { return }
        let question: [UInt8] =
          [0, 7, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 4, 97, 112, 117, 115, 5, 108]
          + [111, 99, 97, 108, 0, 0, 1, 0, 1]
        try? await socket.send(question, to: network.client.endpoint(5353))
        let answer = await socket.receiveCopy(timeout: .seconds(1))
        #expect(answer?.source == network.client.endpoint(5353))
        // Its question comes back, and behind it the address.
        #expect(answer?.bytes.prefix(8) == [0, 7, 0x84, 0, 0, 1, 0, 1])
        #expect(
          answer?.bytes[28..<54].suffix(14)
            == [0, 1, 0, 1, 0, 0, 0, 10, 0, 4, 10, 0, 0, 1]
        )
        // What is none has no effect, and is counted.
        try? await socket.send([1, 2, 3], to: network.client.endpoint(5353))
        await client.sleep(for: .seconds(1))
        let malformed = client.counters.first {
          $0.name.description == "mdns: malformed"
        }
        #expect(malformed?.value == 1)
        tasks.cancelAll()
      }
      #expect(client.network.localName() == nil)
      #expect(client.network.lease != nil)
      // The port is free again.
      let socket = try client.network.bind(port: 5353)
      socket.close()
    }
  }
}
