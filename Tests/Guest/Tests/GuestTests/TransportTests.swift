import GuestHarness
import Testing

/// The ways to a device that QEMU has besides the plain ones: memory-mapped
/// devices told of by ACPI and by the command line, doorbells elsewhere,
/// registers above 4 GiB, few vectors, no 8259s. In each the Demo has its lease
/// and echoes.
@Suite struct TransportTests {
  /// A machine, and what the guest must say of its network device.
  struct Way: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var machine: String
    var arguments: [String]
    /// What the status page calls driver and interrupts.
    var driver: String
    var interrupts: String
    /// What the console must say besides.
    var lines: [String] = []

    init(
      _ name: String,
      _ machine: String,
      _ arguments: [String],
      driver: String,
      interrupts: String,
      lines: [String] = []
    ) {
      testDescription = name
      self.machine = machine
      self.arguments = arguments
      self.driver = "virtio-net, \(driver)"
      self.interrupts = interrupts
      self.lines = lines
    }
  }

  private static func device(_ properties: String...) -> [String] {
    properties.flatMap { ["-global", "virtio-net-pci.\($0)"] }
  }

  static let ways: [Way] = [
    Way(
      "mmio version 2, by ACPI",
      "microvm",
      [],
      driver: "modern mmio",
      interrupts: "IOAPIC, interrupt 47, pin 23",
      lines: ["clock: measured against the 8254"]
    ),
    Way(
      "mmio version 1, by ACPI, one IOAPIC",
      "microvm",
      [
        "-machine", "ioapic2=off",
        "-global", "virtio-mmio.force-legacy=on",
      ],
      driver: "legacy mmio",
      interrupts: "IOAPIC, interrupt 23, pin 23"
    ),
    Way(
      "mmio version 2, by the command line; no 8259, 8254, clock",
      "microvm",
      ["-machine", "acpi=off,pic=off,pit=off,rtc=off"],
      driver: "modern mmio",
      interrupts: "IOAPIC, interrupt 12, pin 12",
      lines: [
        "mmio: 0xfeb00e00 virtio device 1, interrupt 12",
        "clock: measured against the local APIC's timer, 1 GHz by KVM and TCG"
          + " (no 8254)",
      ]
    ),
    Way(
      "mmio version 1, by the command line",
      "microvm",
      ["-machine", "acpi=off", "-global", "virtio-mmio.force-legacy=on"],
      driver: "legacy mmio",
      interrupts: "IOAPIC, interrupt 12, pin 12"
    ),
    Way(
      "a page a doorbell, above 4 GiB",
      "q35",
      // The register of another function leaves no room below.
      ["-device", "pci-testdev,membar=8G"] + device("page-per-vq=on"),
      driver: "modern PCI",
      interrupts: "MSI-X",
      lines: ["virtio: PCI function 0:1.0 has registers at 0x400000000"]
    ),
    Way(
      "doorbells at a port, two vectors",
      "pc",
      device("modern-pio-notify=on", "vectors=2"),
      driver: "modern PCI",
      interrupts: "MSI-X, one vector for all queues",
      lines: ["virtio: PCI function 0:2.0 has 2 of 3 MSI-X vectors"]
    ),
    Way(
      "one vector is too few",
      "q35",
      device("vectors=1"),
      driver: "modern PCI",
      interrupts: "INTx, line 10",
      lines: ["virtio: PCI function 0:1.0 has 1 of 3 MSI-X vectors"]
    ),
    Way(
      "no vectors and no 8259s",
      "pc",
      ["-machine", "pic=off"] + device("vectors=0"),
      driver: "modern PCI",
      interrupts: "IOAPIC, interrupt 10, pin 10"
    ),
  ]

  @Test("Leases and serves", arguments: ways)
  func services(_ way: Way) async throws {
    var options = GuestOptions()
    options.machine = way.machine
    options.qemuArguments = way.arguments
    try await DemoServices.withDemo(options) { guest, services in
      try await services.check()
      let page = try await services.statusPage()
      #expect(page["driver"] == way.driver)
      #expect(page["interrupts"] == way.interrupts)
      // VIRTIO 1.2 §4.2.2: only there they are answered by a write.
      let answers = page.counter("virtio: interrupt answers")
      #expect((answers > 0) == way.driver.contains("mmio"), "\(answers)")
      for line in way.lines {
        #expect(guest.output.lines.contains(line), "\(guest.output.lines)")
      }
    }
  }

  /// Lines of the command line that are lies, before the true one that QEMU
  /// puts behind them.
  @Test("What is no device is said and passed over")
  func liesOnTheCommandLine() async throws {
    var options = GuestOptions()
    options.machine = "microvm"
    options.qemuArguments = [
      "-machine", "acpi=off", "-append",
      "virtio_mmio.device=512@nowhere:5 virtio_mmio.device=4K@0x200000:5"
        + " virtio_mmio.device=4K@0xd0000000:5"
        + " virtio_mmio.device=512@0xfeb00000:5",
    ]
    try await DemoServices.withDemo(options) { guest, services in
      for line in [
        "mmio: not understood: virtio_mmio.device=512@nowhere:5",
        "mmio: 0x200000 is not where a device can be: ignored",
        "mmio: 0xd0000000 is no virtio device: ignored",
      ] {
        #expect(guest.output.lines.contains(line), "\(guest.output.lines)")
      }
      // A place without a device is passed over silently.
      #expect(!guest.output.lines.contains { $0.contains("0xfeb00000") })
      let page = try await services.statusPage()
      #expect(page["driver"] == "virtio-net, modern mmio")
    }
  }

  /// QEMU's monitor lets lines through that the guest has masked, and makes the
  /// clock pull one of them.
  @Test("Interrupts that nobody asked for are harmless")
  func spuriousInterrupts() async throws {
    let port = try await HostPorts.reserve()
    var options = GuestOptions()
    options.machine = "pc"
    options.qemuArguments =
      Self.device("vectors=0") + [
        "-monitor", "tcp:127.0.0.1:\(port),server=on,wait=off",
      ]
    try await DemoServices.withDemo(options) { _, services in
      // The real-time clock's register B: its periodic interrupt. Then both
      // 8259s' masks.
      try await monitor(
        port,
        "o /b 0x70 0x0b",
        "o /b 0x71 0x42",
        "o /b 0xa1 0",
        "o /b 0x21 0"
      )
      try await services.check()
      let state = try await monitor(port, "info pic")
      // They have come, and been acknowledged: nothing is requested and nothing
      // in service. The timer's is among them.
      let controllers = state.split(whereSeparator: \.isNewline).filter {
        $0.hasPrefix("pic0:") || $0.hasPrefix("pic1:")
      }
      #expect(controllers.count == 2, "\(state)")
      for controller in controllers {
        #expect(
          controller.contains("irr=00 imr=00 isr=00"),
          "\(state)"
        )
      }
    }
  }

  /// A second network device that the guest does not drive shares the first
  /// one's line. The monitor makes it pull the line, and nobody answers it.
  @Test(
    "A line that another device pulls, and does not let go, is harmless",
    arguments: [[], ["-machine", "pic=off"]]
  )
  func sharedLine(_ machine: [String]) async throws {
    let port = try await HostPorts.reserve()
    var options = GuestOptions()
    options.machine = "pc"
    // The first is at 2: lines repeat after four.
    options.qemuArguments =
      machine + Self.device("vectors=0") + [
        "-device", "virtio-balloon-pci,id=other,addr=6,disable-modern=on",
        "-monitor", "tcp:127.0.0.1:\(port),server=on,wait=off",
      ]
    try await DemoServices.withDemo(options) { _, services in
      let functions = try await monitor(port, "info pci")
      let base = try #require(
        functions.firstMatch(
          of: #/device +6, function 0:[^*]*?BAR0: I/O at 0x(?<base>[0-9a-f]+)/#
        )
      )
      let registers = try #require(Int(base.base, radix: 16))
      // Its status is DRIVER_OK, and it is told of another size: it must say so.
      try await monitor(port, "o /b \(registers + 18) 7", "balloon 32")
      try await services.check()
      // What pulls the line, read: it was pulled, and now is not any more.
      let reasons = try await monitor(port, "i /b \(registers + 19)")
      #expect(reasons.contains("= 0x03"), "\(reasons)")
      try await services.check()
    }
  }

  @Test("Two devices with drivers share a line")
  func twoOnALine() async throws {
    var options = GuestOptions()
    options.machine = "pc"
    options.qemuArguments =
      Self.device("vectors=0") + [
        "-netdev", "user,id=net1", "-device",
        "virtio-net-pci,netdev=net1,addr=6,romfile=",
      ]
    try await DemoServices.withDemo(options) { guest, services in
      try await guest.output.waitForLine(
        containing: "net1: bound ",
        within: .seconds(60)
      )
      try await services.check()
      let lines = guest.output.lines.filter { $0.contains("INTx, line") }
      #expect(lines.count == 2, "\(lines)")
      let names = Set(lines.map { $0.split(separator: ",")[2...3] })
      #expect(names.count == 1, "one line: \(lines)")
    }
  }

  /// Gives QEMU's monitor commands, and returns what it said.
  @discardableResult
  private func monitor(
    _ port: Int,
    _ commands: String...
  ) async throws -> String {
    let lines = (commands + ["info status"]).joined(separator: "\\n")
    return try await runCommand(
      "bash",
      [
        "-c",
        "exec 3<>/dev/tcp/127.0.0.1/\(port)"
          + " && printf '\(lines)\\n' >&3 && sed '/VM status/q' <&3",
      ],
      within: .seconds(10)
    )
  }
}
