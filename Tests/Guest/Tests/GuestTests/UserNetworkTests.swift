import GuestHarness
import Testing

/// The Demo, booted on each machine that QEMU makes of it.
@Suite struct UserNetworkTests {
  static let machines = ["pc", "q35"].flatMap { name in
    GuestOptions.Transport.pci.map { Machine(name, $0) }
      + [.legacy, .modern].map {
        Machine(name, $0, hasMessageInterrupts: false)
      }
  }

  @Test("Leases, serves and tells of itself", arguments: machines)
  func services(_ machine: Machine) async throws {
    var options = machine.options
    options.macAddress = "52:54:00:0a:9b:01"
    try await DemoServices.withDemo(options) { guest, services in
      #expect(
        guest.output.lines.contains(
          "net: bound 10.0.2.15/24 gateway 10.0.2.2 dns 10.0.2.3 lease 86400 s"
        )
      )
      try await services.check()
      try await services.checkMissingPage()
      let page = try await services.statusPage()
      #expect(page["address"] == "10.0.2.15/24")
      #expect(page["gateway"] == "10.0.2.2")
      #expect(page["name server"] == "10.0.2.3")
      #expect(page["DHCP server"] == "10.0.2.2")
      #expect(page["lease"] == "86400 s")
      #expect(page["driver"] == machine.driver)
      #expect(page["MAC address"] == "52:54:00:0a:9b:01")
      #expect(page["interrupts"]?.hasPrefix(machine.interrupts) == true)
      #expect(page.features.contains("MAC"))
      #expect(
        page.features.contains("VERSION_1")
          == (machine.transport != .legacy)
      )
      #expect(page["uptime"]?.wholeMatch(of: #/\d+ s/#) != nil)
    }
  }

  @Test("The status page's counters count")
  func counters() async throws {
    try await DemoServices.withDemo(GuestOptions()) { _, services in
      let before = try await services.statusPage().rows
        .compactMapValues(Int.init)
      try await services.check()
      let after = try await services.statusPage().rows
        .compactMapValues(Int.init)
      #expect(!before.isEmpty)
      // What is in use now is no count.
      for (name, value) in before where !name.contains(" in use") {
        #expect(try #require(after[name]) >= value, "\(name)")
      }
      #expect(after.values.reduce(0, +) > before.values.reduce(0, +) + 100)
    }
  }

  @Test("An app in a package of its own boots the same way")
  func otherPackage() async throws {
    var options = GuestOptions()
    options.package = Repository.root.appending("Examples/Echo")
    options.app = "Echo"
    let port = try await HostPorts.reserve()
    options.forwards = [.init("tcp", from: port, to: 7)]
    _ = try await withGuest(options) { guest in
      try await guest.output.waitForLine(
        containing: "net: bound ",
        within: DemoServices.readyLimit
      )
      try await probe("echo", "--port", "\(port)")
    }
  }

  @Test("16 MiB are enough")
  func littleMemory() async throws {
    var options = GuestOptions()
    options.memory = 16
    try await DemoServices.withDemo(options) { _, services in
      try await services.check()
      _ = try await services.statusPage()
    }
  }

  @Test("Without RDRAND, timing noise does, and the console says so")
  func noRandomInstruction() async throws {
    var options = GuestOptions()
    options.qemuArguments = ["-cpu", "qemu64"]
    try await DemoServices.withDemo(options) { guest, services in
      #expect(
        guest.output.lines.contains {
          $0.hasPrefix("random: ") && $0.contains("timing noise")
        }
      )
      try await services.check()
    }
  }

  @Test("With RDRAND, the console says that")
  func randomInstruction() async throws {
    try await DemoServices.withDemo(GuestOptions()) { guest, _ in
      #expect(
        guest.output.lines.contains {
          $0.hasPrefix("random: ") && !$0.contains("timing noise")
        }
      )
    }
  }

  @Test("Each boot phase has its time, and the total sums them up")
  func bootPhases() async throws {
    try await DemoServices.withDemo(GuestOptions()) { guest, _ in
      var sum = 0
      var count = 0
      for line in guest.output.lines where line.hasPrefix("boot: ") {
        let phase = try #require(
          line.wholeMatch(of: #/boot: .+ (\d+) us, total (\d+) us/#),
          "\(line)"
        )
        sum += try #require(Int(phase.1))
        count += 1
        // Each figure is rounded down.
        let total = try #require(Int(phase.2))
        #expect(sum <= total && total <= sum + count, "\(line)")
      }
      #expect(count >= 5)
    }
  }

  @Test("An idle guest uses under 1 % of a core")
  func idle() async throws {
    let window = Duration.seconds(10)
    try await DemoServices.withDemo(GuestOptions()) { guest, _ in
      let before = try #require(try guest.emulator)
      // The passing of this time is what is measured.
      try await Task.sleep(for: window)
      let after = try #require(ProcessState(of: before.identifier))
      let used = after.processorTime - before.processorTime
      #expect(used < window / 100)
    }
  }
}
