import GuestHarness
import Testing

/// A Demo on two networks: the app's is QEMU's user network, the other one a
/// TAP device.
struct TwoNetworks: Sendable {
  let guest: Service
  let monitor: QMP
  let network: TAPNetwork
  let httpPort: Int
  /// Its address on the TAP device.
  let address: String

  /// Of the device on the user network.
  static let firstAddress = "52:54:00:0a:9b:06"
  /// Of the device on the TAP device.
  static let secondAddress = "52:54:00:0a:9b:07"
  /// What QEMU calls the second device.
  static let secondDevice = "second"

  /// Boots it, waits until it has both leases, and runs `body`.
  ///
  /// - Parameters:
  ///   - all: Properties of every device of PCI.
  ///   - second: Properties of the second device.
  ///   - body: What is done with it.
  static func with(
    all: [String] = [],
    second: [String] = [],
    body: @Sendable (TwoNetworks) async throws -> Void
  ) async throws {
    try await TAPNetwork.with { network in
      let socket = network.folder.appending("qmp")
      let port = try await HostPorts.reserve()
      var options = GuestOptions()
      options.macAddress = firstAddress
      options.forwards = [.init("tcp", from: port, to: 80)]
      options.monitor = socket
      let device =
        [
          "virtio-net-pci", "netdev=net1", "id=\(secondDevice)", "romfile=",
          "mac=\(secondAddress)",
        ] + second
      options.qemuArguments =
        all.flatMap { ["-global", "virtio-net-pci.\($0)"] } + [
          "-netdev",
          "tap,id=net1,ifname=\(TAPNetwork.device),script=no,downscript=no",
          "-device", device.joined(separator: ","),
        ]
      _ = try await withGuest(options, in: network.namespace) { guest in
        try await guest.output.waitForLine(
          containing: "demo: ready",
          within: DemoServices.readyLimit
        )
        let bound = try await guest.output.waitForLine(
          containing: "net1: bound ",
          within: DemoServices.readyLimit
        )
        let line = try #require(
          bound.firstMatch(of: #/net1: bound (10\.64\.0\.\d+)/24 /#),
          "\(bound)"
        )
        try await QMP.with(socket) { monitor in
          try await body(
            TwoNetworks(
              guest: guest,
              monitor: monitor,
              network: network,
              httpPort: port,
              address: String(line.1)
            )
          )
        }
      }
    }
  }

  /// What the app answers on the first network.
  func statusPage() async throws -> StatusPage {
    StatusPage(
      html: try await probe(
        "http",
        "--port",
        "\(httpPort)",
        in: network.namespace
      )
    )
  }

  /// The app answers on the first network, and pings are on the second.
  func check() async throws {
    let page = try await statusPage()
    #expect(page["MAC address"] == Self.firstAddress)
    #expect(page["link"] == "up")
    let report = try await runCommand(
      "ping",
      ["-n", "-q", "-c", "20", "-i", "0.1", address],
      in: network.namespace
    )
    #expect(report.contains(" 20 received"), "\(report)")
  }
}
