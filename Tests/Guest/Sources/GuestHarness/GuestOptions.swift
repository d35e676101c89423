import SystemPackage

/// How a guest is to be booted: the options of run-qemu.sh.
public struct GuestOptions: Sendable {
  /// Which virtio transport the device offers.
  public enum Transport: String, Sendable, CaseIterable {
    case auto, legacy, modern, mmio
    case mmioLegacy = "mmio-legacy"

    /// Those of a device on PCI.
    public static let pci: [Self] = [.auto, .legacy, .modern]

    /// Whether the device is mapped into memory and not on PCI.
    public var isMMIO: Bool { self == .mmio || self == .mmioLegacy }

    /// Whether it is the one before VIRTIO 1.0.
    public var isLegacy: Bool { self == .legacy || self == .mmioLegacy }
  }

  /// A port of this machine that leads to one of the guest.
  public struct Forward: Sendable {
    let protocolName: String
    let hostPort: Int
    let guestPort: Int

    /// - Parameters:
    ///   - protocolName: `tcp` or `udp`.
    ///   - hostPort: The port here.
    ///   - guestPort: The port there.
    public init(_ protocolName: String, from hostPort: Int, to guestPort: Int) {
      self.protocolName = protocolName
      self.hostPort = hostPort
      self.guestPort = guestPort
    }
  }

  /// The app.
  public var app = "Demo"

  /// The package that the app is in; `nil` for this repository.
  public var package: FilePath?

  /// What the network device offers; `nil` for the script's default, as with
  /// all below.
  public var transport: Transport?

  /// `pc`, `q35` or `microvm`.
  public var machine: String?

  /// In MiB.
  public var memory: Int?

  /// Of the network device, such as `52:54:00:12:34:56`.
  public var macAddress: String?

  /// `user` or `tap:` and an interface.
  public var network: String?

  /// Ports of this machine that lead to the guest.
  public var forwards: [Forward] = []

  /// The file to write every packet to.
  public var capture: FilePath?

  /// After how many seconds run-qemu.sh gives up. It bounds what a run leaves
  /// behind that was killed.
  public var timeout = 180

  /// Whether it waits for gdb.
  public var waitsForDebugger = false

  /// The socket for ``QMP``, made by QEMU.
  public var monitor: FilePath?

  /// Handed to QEMU.
  public var qemuArguments: [String] = []

  /// The Demo, as run-qemu.sh boots it without options.
  public init() {}

  /// The arguments of run-qemu.sh.
  var arguments: [String] {
    var arguments = ["--app", app, "--timeout", "\(timeout)"]
    if let package { arguments += ["--package", package.string] }
    if let transport { arguments += ["--transport", transport.rawValue] }
    if let machine { arguments += ["--machine", machine] }
    if let memory { arguments += ["--memory", "\(memory)"] }
    if let macAddress { arguments += ["--mac", macAddress] }
    if let network { arguments += ["--net", network] }
    for forward in forwards {
      arguments += [
        "--forward",
        "\(forward.protocolName):\(forward.hostPort):\(forward.guestPort)",
      ]
    }
    if waitsForDebugger { arguments.append("--gdb") }
    if let capture { arguments += ["--pcap", capture.string] }
    var qemuArguments = qemuArguments
    if let monitor {
      qemuArguments += ["-qmp", "unix:\(monitor),server=on,wait=off"]
    }
    return qemuArguments.isEmpty
      ? arguments : arguments + ["--"] + qemuArguments
  }
}
