import Net
import Testing
import TestMachines

@testable import Apus

@Suite struct ResolverTests {
  /// A client whose DNS server is the other machine.
  private func makeNetwork(
    servers: [IPv4Address] = [IPv4Address(10, 0, 0, 2)],
    domains: [String] = []
  ) -> TestNetwork {
    var options = TestNetwork.Options()
    options.nameServers = servers
    options.searchList = SearchList(domains.map { DNSName($0)! })
    return TestNetwork(client: options)
  }

  /// Plays `app` on the client while the server serves.
  private func play(
    _ network: TestNetwork,
    _ names: NameServer,
    _ app: @escaping @Sendable (System) async throws -> Void
  ) throws {
    try network.play { client, server in
      try await withThrowingDiscardingTaskGroup { tasks in
        tasks.addTask { await names.serveDatagrams(server) }
        tasks.addTask { await names.serveStreams(server) }
        try await app(client)
        tasks.cancelAll()
      }
    }
  }

  private func failure(
    _ system: System,
    _ name: String
  ) async -> ResolveError? {
    do throws(ResolveError) {
      _ = try await system.network.resolve(name)
      return nil
    } catch {
      return error
    }
  }

  private func found(_ system: System, _ name: String) async -> [IPAddress]? {
    try? await system.network.resolve(name)
  }

  private static func address(_ last: UInt8) -> [IPAddress] {
    [IPAddress(IPv4Address(192, 0, 2, last))]
  }

  @Test func name_isResolved_andRemembered_forItsTime() throws {
    let network = makeNetwork()
    let names = NameServer(addresses: ["www.example.com": [192, 0, 2, 1]])
    try play(network, names) { client in
      for name in ["www.example.com", "WWW.example.COM", "www.example.com."] {
        #expect(await found(client, name) == Self.address(1))
      }
      #expect(names.asked.value == ["www.example.com"])
      await client.sleep(for: .seconds(61))
      #expect(
        await found(client, "www.example.com") == Self.address(1)
      )
      #expect(names.asked.value.count == 2)
    }
  }

  @Test func aliases_areFollowed() throws {
    let names = NameServer(
      addresses: ["c.example.com": [192, 0, 2, 3]],
      aliases: [
        "a.example.com": "b.example.com", "b.example.com": "c.example.com",
      ]
    )
    try play(makeNetwork(), names) { client in
      #expect(
        await found(client, "a.example.com") == Self.address(3)
      )
    }
  }

  @Test func truncated_isAskedForOverTCP() throws {
    let names = NameServer(
      addresses: ["long.example.com": [192, 0, 2, 4]],
      long: ["long.example.com"]
    )
    try play(makeNetwork(), names) { client in
      #expect(
        await found(client, "long.example.com") == Self.address(4)
      )
      #expect(
        names.asked.value == ["long.example.com", "tcp long.example.com"]
      )
    }
  }

  @Test func shortName_isLookedForInTheDomains() throws {
    let names = NameServer(
      addresses: ["web.lab.example": [192, 0, 2, 5], "host": [192, 0, 2, 6]]
    )
    let network = makeNetwork(domains: ["corp.example", "lab.example"])
    try play(network, names) { client in
      #expect(await found(client, "web") == Self.address(5))
      #expect(names.asked.value == ["web.corp.example", "web.lab.example"])
      #expect(await found(client, "host.") == Self.address(6))
      #expect(names.asked.value.last == "host")
    }
  }

  @Test func domainThatIsRefused_isPassedOver_butNotForgotten() throws {
    let names = NameServer(
      addresses: ["web.lab.example": [192, 0, 2, 5]],
      refused: ["web.corp.example", "gone.corp.example"]
    )
    let network = makeNetwork(domains: ["corp.example", "lab.example"])
    try play(network, names) { client in
      #expect(await found(client, "web") == Self.address(5))
      // Whether there is that one, nobody has said.
      #expect(await failure(client, "gone") == .serverFailure)
    }
  }

  @Test func textsAndLocalhost_areNeverAskedFor() throws {
    let names = NameServer()
    try play(makeNetwork(), names) { client in
      #expect(await found(client, "192.0.2.7") == Self.address(7))
      #expect(
        await found(client, "LocalHost")
          == [IPAddress(IPv4Address(127, 0, 0, 1))]
      )
      #expect(names.asked.value.isEmpty)
    }
  }

  @Test func namesOfTheLink_areNotAskedOfServers() throws {
    let names = NameServer(
      addresses: ["printer.local": [192, 0, 2, 5], "host": [192, 0, 2, 6]]
    )
    let network = makeNetwork(domains: ["local"])
    try play(network, names) { client in
      #expect(await failure(client, "printer.local") == .noName)
      #expect(await failure(client, "printer.LOCAL.") == .noName)
      #expect(await found(client, "host") == Self.address(6))
      #expect(names.asked.value == ["host"])
    }
  }

  @Test func errors_sayWhy() throws {
    let names = NameServer()
    try play(makeNetwork(), names) { client in
      #expect(await failure(client, "gone.example.com") == .noName)
      #expect(await failure(client, "a..b") == .invalidName)
      #expect(await failure(client, "") == .invalidName)
    }
    try play(makeNetwork(servers: []), names) { client in
      #expect(await failure(client, "www.example.com") == .noServers)
    }
  }

  @Test func silence_endsInItsTime() throws {
    let network = makeNetwork()
    try network.play { client, server in
      // Somebody has the port, and says nothing.
      let socket = try server.network.bind(port: 53)
      let start = network.now
      #expect(await failure(client, "www.example.com") == .timedOut)
      #expect(network.elapsed(since: start) == .seconds(7))
      socket.close()
    }
  }

  @Test func serverThatIsNotThere_isPassedOver() throws {
    let network = makeNetwork(
      servers: [IPv4Address(192, 0, 2, 53), IPv4Address(10, 0, 0, 2)]
    )
    let names = NameServer(addresses: ["a.example": [192, 0, 2, 8]])
    try play(network, names) { client in
      // There is no route to the first.
      let start = network.now
      #expect(await found(client, "a.example") == Self.address(8))
      #expect(network.elapsed(since: start) < .seconds(1))
    }
  }

  @Test func manyTasks_askOnce() throws {
    let names = NameServer(
      addresses: ["a.example": [192, 0, 2, 9]],
      seconds: 0
    )
    try play(makeNetwork(), names) { client in
      await withDiscardingTaskGroup { tasks in
        for _ in 0..<50 {
          tasks.addTask {
            let found = try? await client.network.resolve("a.example")
            #expect(found == Self.address(9))
          }
        }
      }
      #expect(names.asked.value == ["a.example"])
      #expect(client.host.names.questionCount == 0)
    }
  }

  @Test func cancelledTask_leavesTheQuestionToAnother() throws {
    let network = makeNetwork()
    let names = NameServer(addresses: ["a.example": [192, 0, 2, 10]])
    try network.play { client, server in
      // The server comes late.
      let first = Task(executorPreference: network.executor) {
        await failure(client, "a.example")
      }
      await client.sleep(for: .milliseconds(100))
      let second = Task(executorPreference: network.executor) {
        try? await client.network.resolve("a.example")
      }
      await client.sleep(for: .milliseconds(100))
      first.cancel()
      #expect(await first.value == .cancelled)
      await withDiscardingTaskGroup { tasks in
        tasks.addTask { await names.serveDatagrams(server) }
        #expect(await second.value == Self.address(10))
        tasks.cancelAll()
      }
      #expect(client.host.names.questionCount == 0)
    }
  }

  @Test func questionsUnderWay_areLimited() throws {
    let network = makeNetwork()
    try network.play { client, server in
      let socket = try server.network.bind(port: 53)
      let tasks = (0..<16).map { number in
        Task(executorPreference: network.executor) {
          await failure(client, "n\(number).example")
        }
      }
      await client.sleep(for: .milliseconds(10))
      #expect(await failure(client, "n16.example") == .limitReached)
      for task in tasks { task.cancel() }
      for task in tasks { #expect(await task.value == .cancelled) }
      #expect(client.host.names.questionCount == 0)
      socket.close()
    }
  }

  @Test func forgedAnswers_areCounted_andNotTaken() throws {
    let network = makeNetwork()
    let names = NameServer(addresses: ["a.example": [192, 0, 2, 11]])
    try network.play { client, server in
      await withDiscardingTaskGroup { tasks in
        tasks.addTask {
          guard let socket = try? server.network.bind(port: 53) else { return }
          while let (source, query) = await socket.receiveCopy() {
            var forged = names.answer(query, isStream: false)
            forged[1] ^= 1
            try? await socket.send(forged, to: source)
            let other = try? server.network.bind(port: 5300)
            let good = names.answer(query, isStream: false)
            try? await other?.send(good, to: source)
            await server.sleep(for: .milliseconds(100))
            try? await socket.send(good, to: source)
          }
        }
        let found = try? await client.network.resolve("a.example")
        #expect(found == Self.address(11))
        let counters = client.counters
        func count(_ name: String) -> UInt64? {
          counters.first { $0.name.description == name }?.value
        }
        #expect(count("dns: wrong identifier") == 1)
        #expect(count("dns: wrong source") == 1)
        tasks.cancelAll()
      }
    }
  }
}
