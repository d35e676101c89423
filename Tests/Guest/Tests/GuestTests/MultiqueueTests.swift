import Deadlines
import GuestHarness
import Testing

/// A TAP device, and a network device, with four pairs of queues. Which are used
/// is what QEMU says of them, not the driver.
@Suite(.whereTAPIsAllowed) struct MultiqueueTests {
  private static let macAddress = "52:54:00:0a:9b:04"

  @Test(
    "Leases, pings and echoes on as many pairs as there are to be",
    arguments: QueuePairCase.all
  )
  func services(_ item: QueuePairCase) async throws {
    try await TAPNetwork.with(hasQueues: true) { network in
      let socket = network.folder.appending("qmp")
      var options = GuestOptions()
      options.transport = item.transport
      options.macAddress = Self.macAddress
      options.qemuArguments = item.arguments
      options.monitor = socket
      try await TAPDemo.with(options, on: network) { demo in
        try await checkFeatures(item, "net", demo.guest)
        try await QMP.with(socket) { monitor in
          try await checkQueues(item, demo, DeviceQueues(monitor))
        }
        #expect(try await demo.flood(count: 100, byteCount: 1472) == 100)
        try await checkStreams(demo)
        let page = try await demo.statusPage()
        let pairs = item.pairs == 1 ? "1 pair" : "\(item.pairs) pairs"
        #expect(page["queues"] == "\(pairs), \(item.ring)")
        #expect(page["interrupts"]?.hasPrefix(item.interrupts) == true)
        let lines = demo.guest.output.lines
        #expect(!lines.contains { $0.contains("was reset and started again") })
        try await checkScaling(item, demo.guest)
      }
    }
  }

  /// The console says what was agreed on.
  private func checkFeatures(
    _ item: QueuePairCase,
    _ interface: String,
    _ guest: Service
  ) async throws {
    let line = try await guest.output.waitForLine(
      containing: "\(interface): features ",
      within: .seconds(1)
    )
    let features = Set(line.split(separator: " ").map(String.init))
    #expect(item.features.isSubset(of: features), "\(line)")
    #expect(item.withoutFeatures.isDisjoint(with: features), "\(line)")
  }

  /// QEMU says, by its trace, whether it was told how to spread what comes.
  private func checkScaling(
    _ item: QueuePairCase,
    _ guest: Service
  ) async throws {
    if item.features.contains("RSS") {
      try await guest.errors.waitForLine(
        containing: "virtio_net_rss_enable hashes 0x3f",
        within: .seconds(1)
      )
    }
    let traces = guest.errors.lines.filter {
      $0.hasPrefix("virtio_net_rss_") || $0.contains(":virtio_net_rss_")
    }
    #expect(
      traces.count == (item.features.contains("RSS") ? 1 : 0),
      "\(traces)"
    )
  }

  /// Echoes on new connections until every queue that is to be used was: the
  /// flow decides which one it is, and the flows are random.
  private func checkQueues(
    _ item: QueuePairCase,
    _ demo: TAPDemo,
    _ queues: DeviceQueues
  ) async throws {
    let used = 2 * item.pairs
    let before = try await queues.first(used)
    try await withDeadline(
      .seconds(40),
      waitingFor: "all of \(used) queues to be used"
    ) {
      var idle = Set(0..<used)
      while !idle.isEmpty {
        try await demo.probe(
          "echo",
          port: 7,
          ["--connections", "16", "--bytes", "16384"]
        )
        let now = try await queues.first(used)
        idle = idle.filter { now[$0].usedIndex == before[$0].usedIndex }
      }
    }
    // With one pair the third queue is the control queue.
    guard item.pairs > 1 else { return }
    for index in used..<(2 * QueuePairCase.offered) {
      #expect(try await queues[index].descriptors == 0, "queue \(index)")
    }
  }

  /// Bulk both ways, in and out, on several connections at once.
  private func checkStreams(_ demo: TAPDemo) async throws {
    try await demo.probe(
      "echo",
      port: 7,
      ["--connections", "16", "--bytes", "\(256 << 10)"]
    )
    try await demo.probe("discard", port: 9, ["--bytes", "\(4 << 20)"])
    try await demo.probe("chargen", port: 19, ["--bytes", "\(4 << 20)"])
    try await demo.probe("udp-echo", port: 7)
  }

  @Test("Sixteen pairs in a small machine", arguments: [16, 64])
  func sixteenPairs(memory: Int) async throws {
    try await TAPNetwork.with(hasQueues: true) { network in
      var options = GuestOptions()
      options.memory = memory
      options.macAddress = Self.macAddress
      options.qemuArguments = [
        "-set", "netdev.net0.queues=16", "-global", "virtio-net-pci.mq=on",
        "-append", "net.queues=16",
      ]
      try await TAPDemo.with(options, on: network) { demo in
        #expect(try await demo.flood(count: 100, byteCount: 1472) == 100)
        try await checkStreams(demo)
        let page = try await demo.statusPage()
        #expect(page["queues"] == "16 pairs, split")
        let lines = demo.guest.output.lines
        #expect(!lines.contains { $0.contains("was reset and started again") })
      }
    }
  }

  @Test("The second of two devices has several pairs, the first has one")
  func secondDevice() async throws {
    try await TAPNetwork.with(hasQueues: true) { network in
      var options = GuestOptions()
      options.qemuArguments = [
        "-netdev",
        "tap,id=net1,ifname=\(TAPNetwork.device),script=no,downscript=no"
          + ",queues=4",
        "-device",
        "virtio-net-pci,netdev=net1,romfile=,mq=on,vectors=10"
          + ",mac=\(Self.macAddress)",
        "-append", "net.queues=4",
      ]
      _ = try await withGuest(options, in: network.namespace) { guest in
        // The first is on QEMU's user network, which has one pair.
        try await guest.output.waitForLine(
          containing: "demo: ready",
          within: DemoServices.readyLimit
        )
        var item = QueuePairCase(testDescription: "second device")
        try await checkFeatures(item, "net1", guest)
        item.features = []
        item.withoutFeatures = ["MQ"]
        try await checkFeatures(item, "net", guest)
        let bound = try await guest.output.waitForLine(
          containing: "net1: bound 10.64.0.",
          within: DemoServices.readyLimit
        )
        let leases = try network.leases.filter {
          $0.count > 2 && $0[1] == Self.macAddress
        }
        let address = try #require(leases.first?[2], "\(leases)")
        #expect(bound.hasPrefix("net1: bound \(address)/24 "), "\(bound)")
        let report = try await runCommand(
          "ping",
          ["-n", "-q", "-c", "30", "-i", "0.1", "\(address)"],
          in: network.namespace
        )
        #expect(report.contains(" 30 received"), "\(report)")
      }
    }
  }
}
