import GuestHarness
import Testing

/// A machine that QEMU makes, and what the guest must find in it.
struct Machine: Sendable, CustomTestStringConvertible {
  let name: String
  let transport: GuestOptions.Transport
  let hasMessageInterrupts: Bool

  /// - Parameters:
  ///   - name: `pc` or `q35`.
  ///   - transport: What the network device offers.
  ///   - hasMessageInterrupts: Whether it has MSI-X, as it does by default.
  init(
    _ name: String,
    _ transport: GuestOptions.Transport,
    hasMessageInterrupts: Bool = true
  ) {
    self.name = name
    self.transport = transport
    self.hasMessageInterrupts = hasMessageInterrupts
  }

  var testDescription: String {
    "\(name), \(transport)\(hasMessageInterrupts ? "" : ", no MSI-X")"
  }

  /// How to boot it.
  var options: GuestOptions {
    var options = GuestOptions()
    options.machine = name
    options.transport = transport
    if !hasMessageInterrupts {
      options.qemuArguments = ["-global", "virtio-net-pci.vectors=0"]
    }
    return options
  }

  /// What the guest calls its driver: a device that speaks both transports is
  /// driven as a modern one.
  var driver: String {
    transport == .legacy ? "virtio-net, legacy PCI" : "virtio-net, modern PCI"
  }

  /// What the name of its interrupts begins with.
  var interrupts: String { hasMessageInterrupts ? "MSI-X" : "INTx" }
}
