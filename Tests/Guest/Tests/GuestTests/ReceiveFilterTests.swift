import Deadlines
import GuestHarness
import Testing

/// What the driver says on the control queue, and what QEMU holds of it
/// (`query-rx-filter`).
@Suite struct ReceiveFilterTests {
  private static let macAddress = "52:54:00:0a:9b:05"
  private static let otherAddress = "52:54:00:77:88:99"

  /// A device and what it must let through once it is driven.
  struct Case: Sendable, CustomTestStringConvertible {
    let testDescription: String
    var transport = GuestOptions.Transport.auto
    /// Properties of QEMU's device.
    var properties: [String] = []
    /// The kernel's command line.
    var commandLine = ""
    var isPromiscuous = false
    var tagged = ReceiveFilter.Frames.none
    var virtualNetworks: [Int] = []
    /// The groups that the device is told of, once there is a lease.
    var groups: Set<String> = []
  }

  static let cases = [
    Case(testDescription: "transitional", groups: groups),
    Case(testDescription: "legacy", transport: .legacy, groups: groups),
    Case(
      testDescription: "packed",
      transport: .modern,
      properties: ["packed=on"],
      groups: groups
    ),
    Case(testDescription: "mmio", transport: .mmio, groups: groups),
    Case(
      testDescription: "mmio, legacy",
      transport: .mmioLegacy,
      groups: groups
    ),
    // There is nobody to give a lease, and so no groups.
    Case(
      testDescription: "a virtual LAN",
      commandLine: "net.vlan=42",
      tagged: .normal,
      virtualNetworks: [42]
    ),
    Case(
      testDescription: "the last virtual LAN, legacy",
      transport: .legacy,
      commandLine: "net.vlan=4094",
      tagged: .normal,
      virtualNetworks: [4094]
    ),
    // Nobody tells these: they let through what they do after a reset.
    Case(
      testDescription: "no filter",
      properties: ["ctrl_rx=off"],
      isPromiscuous: true
    ),
    Case(
      testDescription: "no control queue",
      properties: ["ctrl_vq=off"],
      commandLine: "net.vlan=42",
      isPromiscuous: true,
      tagged: .all,
      virtualNetworks: Array(0..<4096)
    ),
  ]

  @Test("What comes is what is meant for the interface", arguments: cases)
  func start(_ item: Case) async throws {
    var options = GuestOptions()
    options.transport = item.transport
    let device =
      item.transport.isMMIO ? "virtio-net-device" : "virtio-net-pci"
    options.qemuArguments = item.properties.flatMap {
      ["-global", "\(device).\($0)"]
    }
    if !item.commandLine.isEmpty {
      options.qemuArguments += ["-append", item.commandLine]
    }
    try await withMachine(options) { guest, monitor in
      try await guest.output.waitForLine(
        containing: "net: features ",
        within: DemoServices.readyLimit
      )
      let filter = try await withDeadline(
        .seconds(30),
        waitingFor: "a device that is told of \(item.groups)"
      ) {
        while true {
          let filter = try await monitor.receiveFilter()
          if filter.multicastTable.count >= item.groups.count { return filter }
        }
      }
      #expect(filter.isPromiscuous == item.isPromiscuous)
      #expect(filter.unicast == .normal)
      #expect(filter.multicast == .normal)
      #expect(filter.ownAddress == Self.macAddress)
      #expect(filter.unicastTable.isEmpty)
      #expect(Set(filter.multicastTable) == item.groups)
      #expect(filter.tagged == item.tagged)
      #expect(filter.virtualNetworks.sorted() == item.virtualNetworks)
    }
  }

  /// Boots the Demo and runs `body` with its monitor.
  private func withMachine(
    _ options: GuestOptions,
    body: @Sendable (Service, QMP) async throws -> Void
  ) async throws {
    try await withTemporaryFolder { folder in
      var options = options
      options.macAddress = Self.macAddress
      options.monitor = folder.appending("qmp")
      options.forwards = try await DemoServices().forwards
      _ = try await withGuest(options) { guest in
        try await guest.output.waitForLine(
          containing: "boot: ",
          within: DemoServices.readyLimit
        )
        try await QMP.with(folder.appending("qmp")) { monitor in
          try await body(guest, monitor)
        }
      }
    }
  }

  @Test("In a virtual LAN all frames have its tag")
  func tags() async throws {
    try await withTemporaryFolder { folder in
      let capture = Capture(folder.appending("guest.pcap"))
      var options = GuestOptions()
      options.capture = capture.file
      options.qemuArguments = ["-append", "net.vlan=42"]
      try await withMachine(options) { _, _ in
        try await withDeadline(
          .seconds(30),
          waitingFor: "a DHCPDISCOVER with the tag"
        ) {
          // RFC 2132 §9.6.
          while try await capture.packets(
            matching: "vlan.id == 42 && dhcp.option.dhcp == 1"
          ).isEmpty {}
        }
      }
      let others = try await capture.packets(
        matching: "eth.src == \(Self.macAddress) && !(vlan.id == 42)"
      )
      #expect(others.isEmpty)
      let broken = try await capture.brokenPackets(from: Self.macAddress)
      #expect(broken.isEmpty)
    }
  }

  /// The groups that the stack is in: all hosts, and multicast DNS. RFC 1112
  /// §6.4.
  private static let groups: Set = ["01:00:5e:00:00:01", "01:00:5e:00:00:fb"]

  /// A device that takes the place of the first, with an address of its own.
  struct Replacement: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let properties: [String: QMPValue]
    /// The address that QEMU's device must go by then.
    let ownAddress: String
    /// What its table must hold.
    var unicastTable: [String] = []
  }

  static let replacements = [
    Replacement(
      testDescription: "by the command",
      properties: [:],
      ownAddress: macAddress
    ),
    Replacement(
      testDescription: "by the table",
      properties: ["ctrl_mac_addr": false],
      ownAddress: otherAddress,
      unicastTable: [macAddress]
    ),
    Replacement(
      testDescription: "by the field, legacy",
      properties: ["disable-modern": true, "ctrl_mac_addr": false],
      ownAddress: macAddress
    ),
  ]

  @Test(
    "A device with another address receives for the one before",
    arguments: replacements
  )
  func address(_ item: Replacement) async throws {
    try await withTemporaryFolder { folder in
      let socket = folder.appending("qmp")
      var options = GuestOptions()
      options.macAddress = Self.macAddress
      options.monitor = socket
      try await DemoServices.withDemo(options) { guest, services in
        try await QMP.with(socket) { monitor in
          try await Self.replaceDevice(monitor, item.properties)
          try await Self.waitForSecondDevice(guest)
          let filter = try await monitor.receiveFilter()
          #expect(filter.name == "other")
          #expect(!filter.isPromiscuous)
          #expect(filter.unicast == .normal)
          #expect(filter.multicast == .normal)
          #expect(filter.ownAddress == item.ownAddress)
          #expect(filter.unicastTable == item.unicastTable)
          #expect(Set(filter.multicastTable) == Self.groups)
          try await services.check()
        }
      }
    }
  }

  @Test("A device that cannot receive for the address before is not used")
  func foreignAddress() async throws {
    try await withTemporaryFolder { folder in
      let socket = folder.appending("qmp")
      var options = GuestOptions()
      options.macAddress = Self.macAddress
      options.monitor = socket
      try await DemoServices.withDemo(options) { guest, _ in
        try await QMP.with(socket) { monitor in
          try await Self.replaceDevice(monitor, ["ctrl_rx": false])
          try await guest.output.waitForLine(
            containing: "net: the new device does not take the address"
              + " \(Self.macAddress)",
            within: .seconds(10)
          )
        }
      }
    }
  }

  private static func replaceDevice(
    _ monitor: QMP,
    _ properties: [String: QMPValue]
  ) async throws {
    // The first is isa-debug-exit.
    let device = "/machine/peripheral-anon/device[1]"
    try await monitor.execute("device_del", ["id": "\(device)"])
    try await monitor.waitForEvent(
      "DEVICE_DELETED",
      containing: "\"\(device)\""
    )
    let arguments: [String: QMPValue] = [
      "driver": "virtio-net-pci", "id": "other", "netdev": "net0",
      "mac": "\(otherAddress)", "romfile": "",
    ]
    try await monitor.execute(
      "device_add",
      arguments.merging(properties) { _, new in new }
    )
  }

  /// Waits until the console has told of a second device.
  private static func waitForSecondDevice(_ guest: Service) async throws {
    try await withDeadline(.seconds(10), waitingFor: "the second device") {
      var devices = 0
      for await line in guest.output.reader()
      where line.hasPrefix("net: features ") {
        devices += 1
        if devices == 2 { return }
      }
      Issue.record("the guest ended")
    }
  }
}
