import GuestHarness
import Testing

/// Devices that go, and others that come in their place: by QEMU's monitor, on
/// the `pc` machine.
@Suite struct HotPlugTests {
  // MARK: Memory

  @Test("Buffers of devices that are gone are used again")
  func memory() async throws {
    var options = GuestOptions()
    options.memory = 16
    try await PluggedDemo.with(options) { demo in
      let before = try await Self.heapUse(demo)
      try await Self.replace(demo, PluggedDemo.firstDevice, [before])
      #expect(demo.guest.output.count(of: "panic: ") == 0)
      #expect(
        demo.guest.output.count(of: "pci: the device in slot ") == Self.rounds
      )
    }
  }

  private static let rounds = 6
  /// What one device receives into is 2 MiB of 16.
  private static let mostGrowth = 1 << 20

  /// Replaces `device` while peers do not read, one more each time: what they
  /// keep is in the device's buffers.
  private static func replace(
    _ demo: PluggedDemo,
    _ device: String,
    _ uses: [Int]
  ) async throws {
    guard uses.count <= rounds, let last = uses.last else {
      print("Bytes of the heap in use, at the start and after each: \(uses)")
      return
    }
    let other = "round\(uses.count)"
    try await demo.services.withUnreadEcho {
      try await demo.unplug(device)
      try await demo.plug(other)
      let use = try await heapUse(demo)
      #expect(use < last + mostGrowth, "bytes in use: \(uses), \(use)")
      try await replace(demo, other, uses + [use])
    }
  }

  private static func heapUse(_ demo: PluggedDemo) async throws -> Int {
    let page = try await demo.services.statusPage()
    let use = page.counter("heap: bytes in use")
    try #require(use > 0)
    return use
  }

  // MARK: MTU

  @Test("The MTU stays, whatever the next device says; a smaller one is no use")
  func mtu() async throws {
    try await PluggedDemo.with { demo in
      try await Self.checkMTU(demo, isTold: false)
      try await demo.unplug(PluggedDemo.firstDevice)
      try await demo.plug("jumbo", ["host_mtu": 9000])
      try await Self.checkMTU(demo, isTold: true)
      try await demo.unplug("jumbo")
      try await demo.plug("ethernet", ["host_mtu": 1500])
      try await Self.checkMTU(demo, isTold: true)
      try await demo.unplug("ethernet")
      try await demo.monitor.plug("small", on: "net0", ["host_mtu": 1300])
      try await demo.guest.output.waitForLine(
        containing: "net: the new device takes packets of 1300 bytes, less than"
          + " 1500: it is not used",
        within: PluggedDemo.limit
      )
      try await demo.unplug("small")
      try await demo.plug("default")
      try await Self.checkMTU(demo, isTold: false)
      try await demo.services.check()
    }
  }

  private static func checkMTU(
    _ demo: PluggedDemo,
    isTold: Bool
  ) async throws {
    let page = try await demo.services.statusPage()
    #expect(page["MTU"] == "1500")
    #expect(page.features.contains("MTU") == isTold)
  }

  // MARK: Two of them

  @Test(
    "Two devices that come back in the other order keep their places",
    .whereTAPIsAllowed
  )
  func order() async throws {
    try await TwoNetworks.with { networks in
      try await networks.check()
      let monitor = networks.monitor
      try await monitor.unplug(PluggedDemo.firstDevice)
      try await monitor.unplug(TwoNetworks.secondDevice)
      // Each takes the first slot that is free: that of the other.
      try await monitor.plug(
        "again1",
        on: "net1",
        ["mac": "\(TwoNetworks.secondAddress)"]
      )
      try await networks.guest.output.waitForLines(
        2,
        of: "net1: features ",
        within: PluggedDemo.limit
      )
      try await monitor.plug(
        "again0",
        on: "net0",
        ["mac": "\(TwoNetworks.firstAddress)"]
      )
      try await networks.guest.output.waitForLines(
        2,
        of: "net: features ",
        within: PluggedDemo.limit
      )
      // Neither was told another address than its own.
      let first = try await monitor.receiveFilter(of: "again0")
      #expect(first.ownAddress == TwoNetworks.firstAddress)
      let second = try await monitor.receiveFilter(of: "again1")
      #expect(second.ownAddress == TwoNetworks.secondAddress)
      try await networks.check()
    }
  }

  @Test(
    "A device that comes later shares the line of another",
    .whereTAPIsAllowed
  )
  func sharedLine() async throws {
    // Slots 5 and 9: the pins of every fourth slot are on the same line.
    try await TwoNetworks.with(
      all: ["vectors=0"],
      second: ["addr=0x9"]
    ) { networks in
      let output = networks.guest.output
      let second = try Self.line(of: "net1", in: output)
      try await networks.monitor.unplug(PluggedDemo.firstDevice)
      try await networks.monitor.plug(
        "later",
        on: "net0",
        ["mac": "\(TwoNetworks.firstAddress)", "addr": "0x5"]
      )
      try await output.waitForLines(
        2,
        of: "net: features ",
        within: PluggedDemo.limit
      )
      #expect(try Self.line(of: "net", in: output) == second)
      try await Self.checkInterrupts(networks)
      // The other is still heard when one of the two has gone.
      try await networks.monitor.unplug(TwoNetworks.secondDevice)
      let page = try await networks.statusPage()
      #expect(page["interrupts"] == second)
    }
  }

  /// QEMU gives the address of a device that has gone to the next that comes.
  @Test(
    "A device with the address of another gets one of its own",
    .whereTAPIsAllowed
  )
  func sameAddress() async throws {
    try await TwoNetworks.with { networks in
      let output = networks.guest.output
      let address = TwoNetworks.firstAddress
      try await networks.monitor.unplug(PluggedDemo.firstDevice)
      // It is told the address that its network knows.
      try await networks.monitor.plug("replacement", on: "net0")
      try await output.waitForLines(
        2,
        of: "net: features ",
        within: PluggedDemo.limit
      )
      try await networks.monitor.execute(
        "netdev_add",
        ["type": "user", "id": "net2"]
      )
      try await networks.monitor.plug(
        "third",
        on: "net2",
        ["mac": "\(address)"]
      )
      let told = try await output.waitForLine(
        containing: "net2: \(address) is the address of net: it has ",
        within: PluggedDemo.limit
      )
      try await output.waitForLine(
        containing: "net2: bound 10.0.2.15/24 ",
        within: PluggedDemo.limit
      )
      let filter = try await networks.monitor.receiveFilter(of: "third")
      #expect(told.contains("it has \(filter.ownAddress) instead"), "\(told)")
      #expect(filter.ownAddress != address)
      // One that cannot be told another is left alone.
      try await networks.monitor.execute(
        "netdev_add",
        ["type": "user", "id": "net3"]
      )
      try await networks.monitor.plug(
        "fourth",
        on: "net3",
        ["mac": "\(address)", "ctrl_vq": false]
      )
      try await output.waitForLine(
        containing: "net3: \(address) is the address of net, and the device"
          + " takes no other: it is not used",
        within: PluggedDemo.limit
      )
      try await networks.monitor.unplug("fourth")
      try await networks.check()
    }
  }

  /// They may be on networks that have nothing to do with each other.
  @Test("Two devices with one address at boot keep it", .whereTAPIsAllowed)
  func sameAddressAtBoot() async throws {
    let address = TwoNetworks.firstAddress
    try await TwoNetworks.with(second: ["mac=\(address)"]) { networks in
      let lines = networks.guest.output.lines
      #expect(
        lines.contains(
          "net1: \(address) is the address of net, too: they must not be on the"
            + " same network"
        )
      )
      let filter = try await networks.monitor.receiveFilter(
        of: TwoNetworks.secondDevice
      )
      #expect(filter.ownAddress == address)
      try await networks.check()
    }
  }

  /// How the network device that was started last as `interface` interrupts.
  private static func line(
    of interface: String,
    in output: Console
  ) throws -> String {
    let said = output.lines.last {
      $0.hasPrefix("\(interface): virtio-net, ")
    }
    let text = try #require(said)
    let line = try #require(text.firstMatch(of: #/INTx, line \d+/#), "\(text)")
    return String(line.0)
  }

  /// Both devices are served, and neither interrupts without end.
  private static func checkInterrupts(
    _ networks: TwoNetworks
  ) async throws {
    let names = ["virtio: interrupts", "net1 virtio: interrupts"]
    let before = try await networks.statusPage()
    try await networks.check()
    let after = try await networks.statusPage()
    for name in names {
      let count = after.counter(name) - before.counter(name)
      #expect(1..<mostInterrupts ~= count, "\(name): \(count) more")
    }
  }

  /// Of each device on a shared line, for two pages and twenty pings.
  private static let mostInterrupts = 500

  // MARK: What is no network device

  @Test("An entropy device that comes later is not used, and can go again")
  func entropy() async throws {
    try await PluggedDemo.with { demo in
      try await demo.monitor.execute(
        "device_add",
        ["driver": "virtio-rng-pci", "id": "entropy"]
      )
      try await demo.guest.output.waitForLine(
        containing: " is not used: only network devices may come while the"
          + " machine runs",
        within: PluggedDemo.limit
      )
      try await demo.unplug("entropy")
      try await demo.services.check()
    }
  }
}
