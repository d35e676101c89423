/// How QEMU's network device is set up, beyond what run-qemu.sh has options for.
public struct NetworkSettings: Sendable, Hashable, CustomStringConvertible {
  /// The layout of the rings.
  public enum Ring: String, Sendable, CaseIterable { case split, packed }

  /// How the device can interrupt.
  public enum Interrupts: String, Sendable, CaseIterable {
    /// As many vectors as QEMU gives: one for each queue, one for the
    /// configuration.
    case vectors
    /// None for the control queue.
    case threeVectors = "3 vectors"
    /// None for one of both queues of packets.
    case twoVectors = "2 vectors"
    /// Too few to tell a packet from a change of the configuration.
    case oneVector = "1 vector"
    /// A line.
    case line

    /// Whether the driver has to take the vectors.
    public var hasMessages: Bool {
      self != .line && self != .oneVector
    }
  }

  /// What the device offers to do for the driver.
  public enum Offloads: String, Sendable, CaseIterable {
    case all
    case none
    case noMergedBuffers = "no mrg_rxbuf"
    case noSegmentation = "no tso"
    case noEventIndex = "no event_idx"
    case noIndirect = "no indirect"
  }

  /// The machine: `pc`, `q35` or `microvm`.
  public var machine = "pc"
  /// What the device is reached by.
  public var transport = GuestOptions.Transport.auto
  /// The rings.
  public var ring = Ring.split
  /// The interrupts.
  public var interrupts = Interrupts.vectors
  /// The offloads.
  public var offloads = Offloads.all

  /// A pc with QEMU's default device.
  public init() {}

  /// These settings.
  public init(
    machine: String,
    transport: GuestOptions.Transport,
    ring: Ring,
    interrupts: Interrupts,
    offloads: Offloads
  ) {
    self.machine = machine
    self.transport = transport
    self.ring = ring
    self.interrupts = interrupts
    self.offloads = offloads
  }

  /// Whether QEMU can make such a device.
  public var isPossible: Bool {
    guard transport.isMMIO == (machine == "microvm") else { return false }
    // A memory-mapped device has one line.
    if transport.isMMIO, interrupts != .line { return false }
    // VIRTIO 1.2 §2.8: packed rings came with the standard.
    return ring == .split || !transport.isLegacy
  }

  /// The settings in words.
  public var description: String {
    [
      machine, transport.rawValue, ring.rawValue, interrupts.rawValue,
      offloads.rawValue,
    ].joined(separator: ", ")
  }

  /// Boots the Demo with such a device.
  public var options: GuestOptions {
    var options = GuestOptions()
    options.machine = machine
    options.transport = transport
    let device = transport.isMMIO ? "virtio-net-device" : "virtio-net-pci"
    options.qemuArguments = properties.flatMap {
      ["-global", "\(device).\($0)"]
    }
    return options
  }

  /// The device's properties that differ from QEMU's defaults.
  private var properties: [String] {
    var properties: [String] = []
    if ring == .packed { properties.append("packed=on") }
    switch interrupts {
    case .vectors: break
    case .threeVectors: properties.append("vectors=3")
    case .twoVectors: properties.append("vectors=2")
    case .oneVector: properties.append("vectors=1")
    case .line: if !transport.isMMIO { properties.append("vectors=0") }
    }
    return properties + offloads.withheld.map { "\($0.lowercased())=off" }
  }

  /// What driver and device agreed on, as the status page has it, that is not
  /// what these settings are about; empty when all is as it should be.
  public func surprises(on page: StatusPage) -> [String] {
    var surprises: [String] = []
    let missing = requiredFeatures.subtracting(page.features)
    surprises += missing.sorted().map { "no \($0)" }
    let surplus = forbiddenFeatures.intersection(page.features)
    surprises += surplus.sorted()
    let driver = page["driver"] ?? "no driver"
    if driver.contains("legacy") != transport.isLegacy {
      surprises.append(driver)
    }
    let found = page["interrupts"] ?? "no interrupts"
    if found.hasPrefix("MSI-X") != interrupts.hasMessages {
      surprises.append(found)
    }
    return surprises
  }

  private var requiredFeatures: Set<String> {
    var features = Offloads.features.subtracting(offloads.withheld)
    features.formUnion(["MAC", "STATUS"])
    if ring == .packed { features.insert("RING_PACKED") }
    if !transport.isLegacy { features.insert("VERSION_1") }
    return features
  }

  private var forbiddenFeatures: Set<String> {
    var features = offloads.withheld
    if ring == .split { features.insert("RING_PACKED") }
    if transport.isLegacy { features.insert("VERSION_1") }
    return features
  }
}

extension NetworkSettings.Offloads {
  /// What the driver takes of what a TAP device offers, by the standard's
  /// names.
  fileprivate static let features: Set = [
    "CSUM", "GUEST_CSUM", "GUEST_TSO4", "HOST_TSO4", "MRG_RXBUF", "EVENT_IDX",
    "INDIRECT_DESC",
  ]

  private static let segmentation: Set = [
    "GUEST_TSO4", "GUEST_TSO6", "GUEST_ECN", "GUEST_UFO", "HOST_TSO4",
    "HOST_TSO6", "HOST_ECN", "HOST_UFO",
  ]

  /// The features that the device does not offer, by the standard's names.
  fileprivate var withheld: Set<String> {
    switch self {
    case .all: []
    case .none:
      Self.segmentation.union(["CSUM", "GUEST_CSUM", "MRG_RXBUF"])
    case .noMergedBuffers: ["MRG_RXBUF"]
    case .noSegmentation: Self.segmentation
    case .noEventIndex: ["EVENT_IDX"]
    case .noIndirect: ["INDIRECT_DESC"]
    }
  }
}
