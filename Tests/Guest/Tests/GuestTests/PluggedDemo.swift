import GuestHarness

/// A Demo on QEMU's user network whose devices come and go.
struct PluggedDemo: Sendable {
  let guest: Service
  let services: DemoServices
  let monitor: QMP

  /// The name that QEMU gives the network device of run-qemu.sh: the first
  /// device is isa-debug-exit.
  static let firstDevice = "/machine/peripheral-anon/device[1]"

  /// How long the guest, which looks once a second, may take.
  static let limit = Duration.seconds(30)

  /// Boots it, waits until it is ready, and runs `body`.
  static func with(
    _ options: GuestOptions = GuestOptions(),
    body: @Sendable (PluggedDemo) async throws -> Void
  ) async throws {
    try await withTemporaryFolder { folder in
      let socket = folder.appending("qmp")
      var options = options
      options.monitor = socket
      try await DemoServices.withDemo(options) { guest, services in
        try await QMP.with(socket) { monitor in
          try await body(
            PluggedDemo(guest: guest, services: services, monitor: monitor)
          )
        }
      }
    }
  }

  /// Takes away `device`, and waits until the guest has let go of it.
  func unplug(_ device: String) async throws {
    try await monitor.unplug(device)
  }

  /// Gives the guest a network device that is called `device`, and waits until
  /// it is driven.
  func plug(
    _ device: String,
    _ properties: [String: QMPValue] = [:]
  ) async throws {
    let before = guest.output.count(of: "net: features ")
    try await monitor.plug(device, on: "net0", properties)
    try await guest.output.waitForLines(
      before + 1,
      of: "net: features ",
      within: Self.limit
    )
  }
}

extension QMP {
  /// Takes away `device`, and waits until the guest has let go of it.
  func unplug(_ device: String) async throws {
    try await execute("device_del", ["id": "\(device)"])
    try await waitForEvent(
      "DEVICE_DELETED",
      containing: "\"\(device)\"",
      within: PluggedDemo.limit
    )
  }

  /// Gives the guest a network device on `network`.
  func plug(
    _ device: String,
    on network: String,
    _ properties: [String: QMPValue] = [:]
  ) async throws {
    let arguments: [String: QMPValue] = [
      "driver": "virtio-net-pci", "id": "\(device)", "netdev": "\(network)",
      "romfile": "",
    ]
    try await execute(
      "device_add",
      arguments.merging(properties) { _, new in new }
    )
  }
}
