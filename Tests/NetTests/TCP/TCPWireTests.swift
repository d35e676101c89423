import Packets
import Testing

@testable import Net

/// Two TCPs joined by a made-up wire: bytes arrive whole and in order, whatever
/// the wire does, and everything that was taken is given back.
@Suite struct TCPWireTests {
  static let impairments = [
    Impairment(),
    Impairment(delay: .microseconds(50)),
    Impairment(loss: 0.01),
    Impairment(loss: 0.1),
    Impairment(duplication: 0.1),
    Impairment(reordering: 0.3),
    Impairment(corruption: 0.02),
    Impairment(
      loss: 0.05,
      duplication: 0.05,
      reordering: 0.2,
      corruption: 0.01,
      delay: .milliseconds(30)
    ),
  ]

  /// From a device that does one thing to one that does everything.
  static let devices = [
    device(checksums: true),
    device(fragments: 3),
    device(checksums: true, fragments: 18, cut: 65_535),
    device(checksums: true, fragments: 4, cut: 20_000, slotSize: 16_384),
    device(merges: true),
    device(merges: true, slotSize: 16_384),
    device(
      checksums: true,
      fragments: 40,
      cut: 65_535,
      merges: true,
      slotSize: 67_584,
      slots: 24
    ),
    device(
      checksums: true,
      fragments: 18,
      cut: 65_535,
      merges: true,
      slotSize: 4096
    ),
  ]

  static func device(
    checksums: Bool = false,
    fragments: Int = 0,
    cut: Int = 0,
    merges: Bool = false,
    slotSize: Int? = nil,
    slots: Int = 256
  ) -> TestDevice {
    var device = TestDevice()
    device.capabilities.completesChecksums = checksums
    device.capabilities.mostFragments = fragments
    device.capabilities.largestSegmentation = cut
    device.merges = merges
    device.slotSize = slotSize
    device.slots = slots
    return device
  }

  /// Runs one connection that carries `total` bytes each way to its end.
  static func transfer(
    _ total: Int,
    over wire: TCPWire,
    within limit: Interval
  ) throws -> (client: Transfer, server: Transfer?) {
    let listener = try wire.server.listen(port: 7, backlog: 1)
    var client = Transfer(try wire.connect(port: 7), total: total)
    var server: Transfer?
    while wire.now < Instant(nanoseconds: 0) + limit {
      if server == nil, let id = wire.server.accept(listener) {
        server = Transfer(id, total: total)
      }
      client.run(&wire.client, at: wire.now)
      server?.run(&wire.server, at: wire.now)
      if client.isDone { wire.client.release(client.id, at: wire.now) }
      if let server, server.isDone {
        wire.server.release(server.id, at: wire.now)
      }
      wire.transmit()
      if !wire.advance() { break }
    }
    return (client, server)
  }

  @Test(arguments: impairments, [1, 2, 3] as [UInt64])
  func megabyteBothWays_arrivesIntact(
    impairment: Impairment,
    seed: UInt64
  ) throws {
    try megabyteBothWays(TCPWire(seed: seed, impairment: impairment), seed)
  }

  @Test(arguments: impairments, devices)
  func megabyteBothWays_overDevices_arrivesIntact(
    impairment: Impairment,
    device: TestDevice
  ) throws {
    let seed: UInt64 = 4
    let wire = TCPWire(seed: seed, impairment: impairment, device: device)
    try megabyteBothWays(wire, seed, device.testDescription)
    let isCut = device.capabilities.largestSegmentation > 0
    #expect((wire.cutPackets > 10) == isCut, "\(wire.cutPackets)")
    #expect((wire.mergedPackets > 10) == device.merges, "\(wire.mergedPackets)")
    let isFree = { (pool: PacketPool) in pool.available == pool.capacity }
    #expect(isFree(wire.clientDevicePool) && isFree(wire.serverDevicePool))
  }

  private func megabyteBothWays(
    _ wire: TCPWire,
    _ seed: UInt64,
    _ device: String = ""
  ) throws {
    let total = 1 << 20
    let (client, server) = try Self.transfer(
      total,
      over: wire,
      within: .seconds(3600)
    )
    let comment: Comment =
      "seed \(seed), \(wire.impairment.testDescription) \(device)"
    #expect(client.failure == nil, comment)
    #expect(server?.failure == nil, comment)
    #expect(client.read == total, comment)
    #expect(server?.read == total, comment)
    #expect(client.isDone && server?.isDone == true, comment)
    #expect(wire.clientPool.available == wire.clientPool.capacity, comment)
    #expect(wire.serverPool.available == wire.serverPool.capacity, comment)
    #expect(wire.client.blocks.memoryInUse == 0, comment)
    #expect(wire.server.blocks.memoryInUse == 0, comment)
    #expect(wire.client.deadline == nil, comment)
    #expect(wire.server.deadline == nil, comment)
    let isOpen =
      wire.client.connectionCount > 0 || wire.server.connectionCount > 0
    #expect(!isOpen, comment)
  }

  @Test(arguments: [1, 2] as [UInt64])
  func hundredsOfConnections_allArrive(seed: UInt64) throws {
    let count = 400
    let total = 20_000
    let wire = TCPWire(
      seed: seed,
      impairment: Impairment(loss: 0.02, reordering: 0.1),
      packets: 4096
    )
    let listener = try wire.server.listen(port: 7, backlog: 64)
    var clients: [Transfer] = []
    var servers: [Transfer] = []
    for _ in 0..<count {
      clients.append(Transfer(try wire.connect(port: 7), total: total))
    }
    var largest = 0
    while wire.now < Instant(nanoseconds: 0) + .seconds(900) {
      while let id = wire.server.accept(listener) {
        servers.append(Transfer(id, total: total))
      }
      for index in clients.indices {
        clients[index].run(&wire.client, at: wire.now)
        if clients[index].isDone {
          wire.client.release(clients[index].id, at: wire.now)
        }
      }
      for index in servers.indices {
        servers[index].run(&wire.server, at: wire.now)
        if servers[index].isDone {
          wire.server.release(servers[index].id, at: wire.now)
        }
      }
      largest = max(largest, wire.server.connectionCount)
      wire.transmit()
      if !wire.advance() { break }
    }
    let comment: Comment = "seed \(seed)"
    let wrong = (clients + servers).filter {
      $0.failure != nil || $0.read != total || !$0.isDone
    }
    #expect(servers.count == count, comment)
    #expect(wrong.isEmpty, comment)
    #expect(wire.clientPool.available == wire.clientPool.capacity, comment)
    #expect(wire.serverPool.available == wire.serverPool.capacity, comment)
    let isOpen =
      wire.client.connectionCount > 0 || wire.server.connectionCount > 0
    #expect(!isOpen, comment)
    #expect(wire.client.freeSlots == wire.client.slots.count, comment)
    #expect(wire.server.freeSlots == wire.server.slots.count, comment)
    #expect(largest > 64, comment)
  }
}
