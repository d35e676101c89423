import Testing

@testable import Net

@Suite struct RouteTableTests {
  private func entry(
    _ destination: IPv4Address,
    _ length: Int,
    via gateway: UInt8?,
    metric: Int = 0,
    origin: RouteOrigin = .lease
  ) -> RouteEntry {
    RouteEntry(
      destination: destination,
      prefixLength: length,
      gateway: gateway.map { IPv4Address(10, 0, 2, $0) },
      metric: metric,
      origin: origin
    )
  }

  /// That the way to `address` leads over 10.0.2.`gateway`.
  private func expect(
    _ table: borrowing RouteTable,
    _ address: IPv4Address,
    _ gateway: UInt32?,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let found = table.find(address).map { ($0.gateway?.bits ?? 0) & 0xFF }
    #expect(found == gateway, sourceLocation: sourceLocation)
  }

  /// Whatever the order in which they come, the longest prefix is taken.
  @Test(arguments: 0..<24)
  func longestPrefix(order: Int) {
    var entries = [
      entry(.any, 0, via: 1),
      entry(IPv4Address(10, 0, 0, 0), 8, via: 2),
      entry(IPv4Address(10, 1, 0, 0), 16, via: 3),
      entry(IPv4Address(10, 1, 2, 3), 32, via: 4),
    ]
    var table = RouteTable(limit: 8)
    var order = order
    for left in stride(from: 4, to: 0, by: -1) {
      table.insert(entries.remove(at: order % left))
      order /= left
    }
    expect(table, IPv4Address(192, 0, 2, 1), 1)
    expect(table, IPv4Address(10, 9, 9, 9), 2)
    expect(table, IPv4Address(10, 1, 9, 9), 3)
    expect(table, IPv4Address(10, 1, 2, 3), 4)
    expect(table, IPv4Address(10, 1, 2, 2), 3)
  }

  @Test func empty_leadsNowhere() {
    let table = RouteTable(limit: 1)
    expect(table, IPv4Address(10, 0, 0, 1), nil)
  }

  @Test func equalPrefixes_theLowerMetricIsTaken() {
    var table = RouteTable(limit: 4)
    table.insert(entry(.any, 0, via: 1))
    table.insert(entry(.any, 0, via: 2, metric: -1, origin: .app))
    expect(table, Hosts.remoteAddress, 2)
    table.removeAll(of: .app)
    expect(table, Hosts.remoteAddress, 1)
  }

  @Test func sameRoute_isReplaced() {
    var table = RouteTable(limit: 1)
    let (first, second) = (
      table.insert(entry(.any, 0, via: 1)),
      table.insert(entry(.any, 0, via: 2))
    )
    #expect(first && second)
    let isTaken = table.insert(entry(Hosts.remoteAddress, 32, via: 3))
    #expect(!isTaken)
    expect(table, Hosts.remoteAddress, 2)
    let count = table.count
    #expect(count == 1)
  }

  @Test func full_essentialRoutes_findAPlace() {
    var table = RouteTable(limit: 2)
    var link = entry(IPv4Address(10, 0, 2, 0), 24, via: nil)
    link.isEssential = true
    var gateway = entry(.any, 0, via: 1)
    gateway.isEssential = true
    let others = (1..<4).map { entry(IPv4Address(10, 1, $0, 0), 24, via: $0) }
    // An essential one takes nobody's place, whether it comes first or last.
    var taken = [table.insert(link)]
    for other in others { taken.append(table.insert(other)) }
    taken.append(table.insert(gateway))
    #expect(taken == [true, true, true, false, true])
    expect(table, IPv4Address(10, 0, 2, 9), 0)
    expect(table, Hosts.remoteAddress, 1)

    // Who says otherwise of the link, of the same lease, has its place.
    let isTaken = table.insert(entry(IPv4Address(10, 0, 2, 0), 24, via: 7))
    #expect(isTaken)
    expect(table, IPv4Address(10, 0, 2, 9), 7)

    // A place that comes free is free.
    table.remove(where: { $0.destination == IPv4Address(10, 1, 1, 0) })
    taken = [table.insert(others[2]), table.insert(others[0])]
    #expect(taken == [true, false])
    table.removeAll(of: .lease)
    taken = [table.insert(others[0]), table.insert(others[1])]
    #expect(taken == [true, true])
  }
}
