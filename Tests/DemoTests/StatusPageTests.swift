import Apus
import Testing
import TestMachines

@testable import Demo

@Suite struct StatusPageTests {
  private func rows(
    _ change: (Host) -> Void = { _ in }
  ) throws -> [String: String] {
    let network = TestNetwork()
    // The announcements of the addresses leave, and come back to their pools.
    try network.run()
    change(network.client.host)
    return Self.rows(of: network.client.system)
  }

  private static func rows(of system: System) -> [String: String] {
    let page = StatusPage.render(system)
    let matches = String(decoding: page.bytes, as: UTF8.self)
      .matches(of: #/<tr><th>([^<]*)</th><td>([^<]*)</td></tr>/#)
    return Dictionary(
      matches.map { (String($0.1), String($0.2)) },
      uniquingKeysWith: { first, _ in first }
    )
  }

  @Test func device_that_says_little() throws {
    let rows = try rows()
    #expect(rows["link"] == "up")
    #expect(rows["speed"] == "not told")
    #expect(rows["MTU"] == "1500")
    #expect(rows["queues"] == "1 pair, split")
    #expect(rows["driver"] == "a made-up wire")
    #expect(rows["interrupts"] == "none")
    #expect(rows["MAC address"] == "02:00:00:00:00:01")
    #expect(rows["negotiated features"] == "TEST_A TEST_B")
  }

  @Test func second_interface_has_rows_of_its_own() throws {
    let rows = try rows { _ in }
    #expect(rows["net1 address"] == nil)
    let network = TestNetwork()
    _ = network.client.addInterface(
      Lease(address: IPv4Address(10, 0, 1, 1), prefixLength: 16)
    )
    try network.run(for: .seconds(1))
    let both = Self.rows(of: network.client.system)
    #expect(both["address"] == "10.0.0.1/24")
    #expect(both["net1 address"] == "10.0.1.1/16")
    #expect(both["net1 link"] == "up")
    #expect(both["net1 MAC address"] == "02:00:00:00:01:01")
    #expect(both["net1 driver"] == "a link with nobody else")
  }

  @Test func device_that_says_all() throws {
    let rows = try rows { host in
      host.interfaces[0] = InterfaceInformation(
        driver: "virtio-net, modern PCI",
        interrupts: "MSI-X",
        features: [],
        macAddress: MACAddress(bits: 0x5254_0012_3456),
        mtu: 9000,
        speed: 25000,
        duplex: .full,
        queueFormat: .packed,
        queuePairs: 4
      )
      host.setLink(up: false, at: host.now)
    }
    #expect(rows["link"] == "down")
    #expect(rows["speed"] == "25000 Mbit/s, full duplex")
    #expect(rows["MTU"] == "9000")
    #expect(rows["queues"] == "4 pairs, packed")
    #expect(rows["MAC address"] == "52:54:00:12:34:56")
  }

  /// The rows of the table of connections when there are `count`, and the text
  /// behind them.
  private func connections(_ count: Int) throws -> (rows: Int, text: String) {
    try withUnansweredConnections(count) { system in
      let page = String(
        decoding: StatusPage.render(system).bytes,
        as: UTF8.self
      )
      return (page.matches(of: #/<tr><td>SYN-SENT</td>/#).count, page)
    }
  }

  @Test func connections_have_rows() throws {
    let (rows, text) = try connections(3)
    #expect(rows == 3)
    #expect(text.contains("<td>10.0.0.2:9</td><td>not measured</td>"))
    #expect(text.contains("<td>1000.000</td>"))
    #expect(!text.contains(" more. "))
  }

  @Test func more_connections_than_rows_are_counted() throws {
    let (rows, text) = try connections(ConnectionTable.mostRows + 7)
    #expect(rows == ConnectionTable.mostRows)
    #expect(text.contains("<p>And 7 more. "))
    #expect(
      try connections(ConnectionTable.mostRows).text.contains("more") == false
    )
  }
}
