import Net
import Packets
import Testing
import TestMachines

@testable import Apus

/// A machine with two interfaces, as apps see it.
@Suite struct InterfaceTests {
  private func lease(_ last: UInt8, nameServers: UInt8...) -> Lease {
    Lease(
      address: IPv4Address(10, 0, 1, last),
      prefixLength: 24,
      nameServers: nameServers.map { IPv4Address(10, 0, 1, $0) }
    )
  }

  @Test func eachIsTold() throws {
    let network = TestNetwork()
    let machine = network.client
    let changes = Box<[(Int, Bool)]>([])
    machine.host.onLeaseChange = { changes.value.append(($0, $1 != nil)) }
    let number = machine.addInterface(lease(1))
    #expect(number == 1)
    try network.run(for: .seconds(1))
    #expect(changes.value.map(\.0).sorted() == [0, 1])
    #expect(changes.value.allSatisfy { $0.1 })
    let own = machine.system.network
    #expect(own.interfaces.count == 2)
    #expect(own.lease(of: 0) == own.lease)
    #expect(own.lease(of: 1)?.address == IPv4Address(10, 0, 1, 1))
    machine.host.setLink(up: false, on: 0, at: network.now)
    #expect(own.isLinkUp)
    #expect(!own.isLinkUp(on: 0))
    #expect(own.isLinkUp(on: 1))
  }

  @Test func onlyTheSecondHasAnAddress_itIsTheLease() throws {
    var options = TestNetwork.Options()
    options.hasAddress = false
    let network = TestNetwork(client: options)
    _ = network.client.addInterface(lease(1))
    try network.play { client, _ in
      let lease = await client.network.waitUntilBound()
      #expect(lease?.address == IPv4Address(10, 0, 1, 1))
      #expect(client.network.lease(of: 0) == nil)
    }
  }

  @Test func nameServers_areThoseOfAll_ofLinksThatAreUp() throws {
    var options = TestNetwork.Options()
    options.nameServers = [IPv4Address(10, 0, 0, 2), IPv4Address(10, 0, 1, 4)]
    let network = TestNetwork(client: options)
    _ = network.client.addInterface(lease(1, nameServers: 3, 4))
    try network.run(for: .seconds(1))
    let host = network.client.host
    let first = options.nameServers.map { IPAddress($0) }
    #expect(host.nameServers == first + [IPAddress(IPv4Address(10, 0, 1, 3))])
    host.setLink(up: false, on: 0, at: network.now)
    #expect(
      host.nameServers
        == [3, 4].map { IPAddress(IPv4Address(10, 0, 1, $0)) }
    )
    host.setLink(up: false, on: 1, at: network.now)
    #expect(host.nameServers.count == 3)
  }

  /// The services begin with what there is, and follow what comes.
  @Test func services_areOfEachInterface_alsoOfOneThatComes() throws {
    let network = TestNetwork()
    let served = Box<[Int: IPv4Address]>([:])
    let ended = Box<[Int]>([])
    try network.play { client, _ in
      await withDiscardingTaskGroup { tasks in
        tasks.addTask {
          await SystemServices(
            host: client.host,
            beside: { lease, interface in
              served.value[interface] = lease.address
              await client.sleep(for: .seconds(1000))
              ended.value.append(interface)
            }
          ).run()
        }
        await client.sleep(for: .seconds(1))
        #expect(served.value == [0: IPv4Address(10, 0, 0, 1)])
        _ = network.client.addInterface(self.lease(1))
        await client.sleep(for: .seconds(1))
        #expect(served.value[1] == IPv4Address(10, 0, 1, 1))
        #expect(ended.value == [])
        tasks.cancelAll()
      }
      #expect(ended.value.sorted() == [0, 1])
    }
  }

  @Test func socketsOfEach_haveTheSamePort() throws {
    let network = TestNetwork()
    _ = network.client.addInterface(lease(1))
    try network.play { client, server in
      let sockets = [
        try client.network.bind(port: 9, on: 0),
        try client.network.bind(port: 9, on: 1),
      ]
      let asker = try server.network.bind()
      try await asker.send([1, 2], to: network.client.endpoint(9))
      guard let question = await sockets[0].receive(timeout: .seconds(1)) else {
        Issue.record("nothing came")
        return
      }
      #expect(question.interface == 0)
      try await sockets[0].send(
        question,
        to: question.source,
        on: question.interface
      )
      let answer = await asker.receiveCopy(timeout: .seconds(1))
      #expect(answer?.bytes == [1, 2])
      let isMisled = sockets[1].tryReceive() != nil
      #expect(!isMisled)
    }
  }
}
