import GuestHarness
import Testing

/// The Demo with a virtio entropy device, VIRTIO 1.2 §5.4, and what the console
/// says of it.
@Suite struct EntropyTests {
  /// A way to give QEMU's device.
  struct Build: Sendable, CustomTestStringConvertible {
    let machine: String
    /// Of the network device beside it.
    var transport = GuestOptions.Transport.auto
    let device: String

    var testDescription: String { "\(machine), \(device)" }

    var options: GuestOptions {
      var options = GuestOptions()
      options.machine = machine
      options.transport = transport
      options.qemuArguments = ["-device", device]
      return options
    }
  }

  static let builds =
    ["pc", "q35"].flatMap { machine in
      [
        "virtio-rng-pci,disable-legacy=on",
        "virtio-rng-pci,disable-modern=on",
        "virtio-rng-pci,disable-legacy=off,disable-modern=off",
        "virtio-rng-pci,disable-legacy=on,packed=on",
      ].map { Build(machine: machine, device: $0) }
    }
    + [.mmio, .mmioLegacy].map {
      Build(machine: "microvm", transport: $0, device: "virtio-rng-device")
    }

  /// What the console says of random bits.
  private func origins(_ guest: Service) -> [String] {
    guest.output.lines.filter { $0.hasPrefix("random: ") }
  }

  @Test("Its bytes go into the random numbers", arguments: builds)
  func entropy(_ build: Build) async throws {
    try await DemoServices.withDemo(build.options) { guest, services in
      let origins = origins(guest)
      #expect(origins.count == 1)
      #expect(origins.first?.hasSuffix(", virtio entropy") == true)
      // The network device has not suffered.
      try await services.check()
    }
  }

  @Test("One that gives eight bytes an hour is good for eight")
  func rationed() async throws {
    var options = GuestOptions()
    options.qemuArguments = [
      "-device", "virtio-rng-pci,max-bytes=8,period=3600000",
    ]
    try await DemoServices.withDemo(options) { guest, _ in
      #expect(origins(guest).first?.hasSuffix(", virtio entropy") == true)
    }
  }

  @Test("One that gives nothing is not waited for long")
  func silent() async throws {
    var options = GuestOptions()
    // An entropy daemon that never answers.
    options.qemuArguments = [
      "-chardev", "null,id=daemon",
      "-object", "rng-egd,id=source,chardev=daemon",
      "-device", "virtio-rng-pci,rng=source",
    ]
    try await DemoServices.withDemo(options) { guest, services in
      let origins = origins(guest)
      #expect(origins.count == 1)
      #expect(origins.first?.hasSuffix(", virtio entropy to come") == true)
      try await services.check()
    }
  }

  @Test("Without RDRAND it goes beside the timing noise")
  func noRandomInstruction() async throws {
    var options = GuestOptions()
    options.qemuArguments = ["-cpu", "qemu64", "-device", "virtio-rng-pci"]
    try await DemoServices.withDemo(options) { guest, _ in
      let origin = origins(guest).first
      #expect(origin?.contains("timing noise") == true)
      #expect(origin?.hasSuffix(", virtio entropy") == true)
    }
  }

  @Test("Without one the console does not mention it")
  func none() async throws {
    try await DemoServices.withDemo(GuestOptions()) { guest, _ in
      let origins = origins(guest)
      #expect(origins.count == 1)
      #expect(origins.first?.contains("entropy") == false)
    }
  }
}
