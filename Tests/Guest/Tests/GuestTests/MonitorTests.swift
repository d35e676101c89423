import Deadlines
import GuestHarness
import Testing

/// What QEMU's monitor does to a guest while its connections are at work: they
/// go on as if nothing had been.
@Suite(.whereTAPIsAllowed) struct MonitorTests {
  /// How long there is traffic: what is done to the guest takes less.
  private static let seconds = 8

  /// The longest that a stream may stand still. While the guest does not answer
  /// its peer waits twice as long each time before it tries again.
  private static let mostSeconds = 10
  /// The same, where a device goes and comes twice, each time when the guest has
  /// looked: on a busy machine after ten seconds, and a peer tries again after 13
  /// and after 26.
  private static let mostSecondsUnplugged = 40

  private static let macAddress = "52:54:00:0a:9b:03"

  /// A guest and its monitor.
  private struct Machine: Sendable {
    let demo: TAPDemo
    let monitor: QMP

    /// Runs all kinds of TCP streams, and `body` once all have begun.
    func withTraffic(
      mostSeconds: Int = MonitorTests.mostSeconds,
      _ body: @escaping @Sendable () async throws -> Void
    ) async throws {
      try await withThrowingTaskGroup { group in
        group.addTask {
          try await demo.soak(
            seconds: MonitorTests.seconds,
            mostSeconds: mostSeconds
          )
        }
        try await demo.waitForSoak()
        try await body()
        try await group.waitForAll()
      }
      #expect(try await demo.flood(count: 20) == 20)
    }

    /// No ping is answered.
    func checkSilence() async throws {
      #expect(try await demo.flood(count: 20, patience: 1) == 0)
    }
  }

  private func withMachine<Result: Sendable>(
    _ options: GuestOptions = GuestOptions(),
    on network: TAPNetwork,
    body: (Machine) async throws -> Result
  ) async throws -> Result {
    var options = options
    let socket = network.folder.appending("qmp")
    options.monitor = socket
    options.macAddress = Self.macAddress
    return try await TAPDemo.with(options, on: network) { demo in
      try await QMP.with(socket) { monitor in
        try await body(Machine(demo: demo, monitor: monitor))
      }
    }
  }

  @Test("set_link: traffic goes on when the link is back")
  func link() async throws {
    try await TAPNetwork.with { network in
      try await withMachine(on: network) { machine in
        try await machine.withTraffic {
          for _ in 0..<2 {
            try await machine.monitor.execute(
              "set_link",
              ["name": "net0", "up": false]
            )
            try await machine.checkSilence()
            try await machine.monitor.execute(
              "set_link",
              ["name": "net0", "up": true]
            )
          }
        }
      }
    }
  }

  @Test("stop and cont: traffic goes on")
  func stop() async throws {
    try await TAPNetwork.with { network in
      try await withMachine(on: network) { machine in
        try await machine.withTraffic {
          try await machine.monitor.execute("stop")
          try await machine.monitor.waitForEvent("STOP")
          try await machine.checkSilence()
          try await machine.monitor.execute("cont")
          try await machine.monitor.waitForEvent("RESUME")
        }
      }
    }
  }

  @Test("A guest that stands still is found to")
  func standstill() async throws {
    try await TAPNetwork.with { network in
      try await withMachine(on: network) { machine in
        await #expect(throws: CommandFailure.self) {
          try await withThrowingTaskGroup { group in
            group.addTask {
              try await machine.demo.soak(seconds: 1, mostSeconds: 2)
            }
            try await machine.demo.waitForSoak()
            try await machine.monitor.execute("stop")
            try await group.waitForAll()
          }
        }
        try await machine.monitor.execute("cont")
        #expect(try await machine.demo.flood(count: 20) == 20)
      }
    }
  }

  @Test(
    "device_del and device_add: the guest lives without, and with another",
    arguments: ["3", "0"]
  )
  func unplug(vectors: String) async throws {
    try await TAPNetwork.with { network in
      var options = GuestOptions()
      options.qemuArguments = ["-global", "virtio-net-pci.vectors=\(vectors)"]
      try await withMachine(options, on: network) { machine in
        try await machine.withTraffic(
          mostSeconds: Self.mostSecondsUnplugged
        ) {
          // The first is isa-debug-exit.
          var device = "/machine/peripheral-anon/device[1]"
          for other in ["other", "another"] {
            try await machine.monitor.execute(
              "device_del",
              ["id": "\(device)"]
            )
            // The guest has to let go of it.
            try await machine.monitor.waitForEvent(
              "DEVICE_DELETED",
              containing: "\"\(device)\""
            )
            try await machine.checkSilence()
            try await machine.monitor.execute(
              "device_add",
              [
                "driver": "virtio-net-pci", "id": "\(other)",
                "netdev": "net0", "mac": "52:54:00:77:88:99", "romfile": "",
              ]
            )
            device = other
          }
        }
        let page = try await machine.demo.statusPage()
        if vectors == "0" {
          // Its own line, not the timer's, which firmware leaves in the register.
          #expect(page["interrupts"]?.hasPrefix("INTx, line 1") == true)
        }
        let name = "virtio: interrupts"
        #expect(try await machine.demo.flood(count: 20) == 20)
        let after = try await machine.demo.statusPage()
        // One may serve several packets; of a line that is not the device's none
        // would come.
        #expect(after.counter(name) > page.counter(name))
      }
    }
  }

  @Test("announce-self: the guest announces its address")
  func announce() async throws {
    try await TAPNetwork.with { network in
      var options = GuestOptions()
      let capture = Capture(network.folder.appending("guest.pcap"))
      options.capture = capture.file
      try await withMachine(options, on: network) { machine in
        try await machine.monitor.execute(
          "announce-self",
          ["initial": 50, "max": 50, "rounds": 2, "step": 50]
        )
        // QEMU's own announcement, RFC 903, says when.
        let announcements = """
          eth.src == \(Self.macAddress) && (eth.type == 0x8035 || \
          (arp.src.proto_ipv4 == \(machine.demo.address) \
          && arp.dst.proto_ipv4 == \(machine.demo.address)))
          """
        try await withDeadline(
          .seconds(10),
          waitingFor: "an ARP announcement after QEMU's"
        ) {
          while true {
            let types = try await capture.packets(
              matching: announcements,
              fields: ["eth.type"]
            ).map { $0.hasSuffix("0x00008035") || $0.hasSuffix("0x8035") }
            if let first = types.firstIndex(of: true),
              types[first...].contains(false)
            {
              return
            }
          }
        }
        let page = try await machine.demo.statusPage()
        #expect(page.features.contains("GUEST_ANNOUNCE"))
      }
    }
  }

  @Test("host_mtu: no packet is larger, and peers are told")
  func mtu() async throws {
    let mtu = 1_300
    try await TAPNetwork.with { network in
      var options = GuestOptions()
      let capture = Capture(network.folder.appending("guest.pcap"))
      options.capture = capture.file
      options.qemuArguments = ["-global", "virtio-net-pci.host_mtu=\(mtu)"]
      try await withMachine(options, on: network) { machine in
        try await machine.demo.probe("echo", port: 7)
        let page = try await machine.demo.statusPage()
        #expect(page.features.contains("MTU"))
        #expect(page["MTU"] == "\(mtu)")
      }
      // RFC 9293 §3.7.1: what is left of the MTU without both headers.
      let sizes = try await capture.packets(
        matching: "eth.src == \(Self.macAddress) && tcp.flags.syn == 1",
        fields: ["tcp.options.mss_val"]
      ).map { $0.drop { $0 != "\t" } }
      #expect(!sizes.isEmpty)
      #expect(Set(sizes) == ["\t\(mtu - 40)"])
      let large = try await capture.packets(
        matching: "eth.src == \(Self.macAddress) && ip.len > \(mtu)"
      )
      #expect(large.isEmpty)
    }
  }

  @Test("migrate: traffic goes on in another QEMU")
  func migration() async throws {
    try await TAPNetwork.with { network in
      try await migrate(on: network)
    }
  }

  private func migrate(on network: TAPNetwork) async throws {
    let file = network.folder.appending("machine").string
    try await withThrowingTaskGroup { group in
      let demo = try await withMachine(on: network) { machine in
        group.addTask {
          try await machine.demo.soak(
            seconds: Self.seconds,
            mostSeconds: Self.mostSeconds
          )
        }
        try await machine.demo.waitForSoak()
        try await machine.monitor.execute(
          "migrate",
          ["uri": "exec:cat > '\(file)'"]
        )
        try await machine.monitor.waitUntil(
          "query-migrate",
          says: "\"status\": \"completed\""
        )
        return machine.demo
      }
      var options = GuestOptions()
      options.network = TAPNetwork.argument
      options.macAddress = Self.macAddress
      options.qemuArguments = ["-incoming", "exec:cat '\(file)'"]
      _ = try await withGuest(options, in: network.namespace) { _ in
        try await group.waitForAll()
        #expect(try await demo.flood(count: 20) == 20)
      }
    }
  }
}
