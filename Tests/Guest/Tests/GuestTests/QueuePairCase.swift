import GuestHarness
import Testing

/// A network device with several pairs of queues, and what must come of it.
struct QueuePairCase: Sendable, CustomTestStringConvertible {
  let testDescription: String
  /// The pairs that QEMU's TAP device and network device have.
  static let offered = 4

  var transport = GuestOptions.Transport.auto
  /// Properties of the network device, besides that it has several pairs.
  var properties: [String] = []
  /// What the kernel's command line says; `nil` for nothing.
  var wish: String? = "net.queues=4"

  /// The pairs that must be used.
  var pairs = offered
  var ring = "split"
  /// What the status page's interrupts must be.
  var interrupts = "MSI-X"
  /// What must be agreed on, and what must not.
  var features: Set<String> = ["MQ", "CTRL_VQ"]
  var withoutFeatures: Set<String> = []

  /// QEMU's arguments for it.
  var arguments: [String] {
    let device = transport.isMMIO ? "virtio-net-device" : "virtio-net-pci"
    return ["-set", "netdev.net0.queues=\(Self.offered)"]
      + ["-trace", "virtio_net_rss_*"]
      + (["mq=on"] + properties).flatMap { ["-global", "\(device).\($0)"] }
      + (wish.map { ["-append", $0] } ?? [])
  }
}

extension QueuePairCase {
  /// Every transport, ring and way to interrupt, and both ways in which a
  /// device spreads what comes.
  static let all: [QueuePairCase] = [
    QueuePairCase(testDescription: "transitional"),
    QueuePairCase(testDescription: "legacy", transport: .legacy),
    QueuePairCase(
      testDescription: "packed",
      transport: .modern,
      properties: ["packed=on", "vectors=10"],
      ring: "packed",
      features: ["MQ", "RING_PACKED", "RING_RESET"]
    ),
    QueuePairCase(
      testDescription: "RSS",
      transport: .modern,
      properties: ["rss=on"],
      features: ["MQ", "RSS", "RING_RESET"]
    ),
    QueuePairCase(
      testDescription: "RSS, packed",
      transport: .modern,
      properties: ["rss=on", "packed=on"],
      ring: "packed",
      features: ["MQ", "RSS", "RING_PACKED"]
    ),
    QueuePairCase(
      testDescription: "RSS, no event index, no merged buffers",
      transport: .modern,
      properties: ["rss=on", "event_idx=off", "mrg_rxbuf=off"],
      features: ["MQ", "RSS"],
      withoutFeatures: ["EVENT_IDX", "MRG_RXBUF"]
    ),
    QueuePairCase(
      testDescription: "no MSI-X",
      properties: ["vectors=0"],
      interrupts: "INTx"
    ),
    QueuePairCase(
      testDescription: "RSS, no MSI-X",
      transport: .modern,
      properties: ["rss=on", "vectors=0"],
      interrupts: "INTx",
      features: ["MQ", "RSS"]
    ),
    QueuePairCase(
      testDescription: "one vector for all queues",
      properties: ["vectors=2"],
      interrupts: "MSI-X, one vector for all queues"
    ),
    QueuePairCase(
      testDescription: "mmio",
      transport: .mmio,
      interrupts: "IOAPIC"
    ),
    QueuePairCase(
      testDescription: "mmio, legacy",
      transport: .mmioLegacy,
      interrupts: "IOAPIC"
    ),
    QueuePairCase(
      testDescription: "more wished for than there are",
      wish: "net.queues=16"
    ),
    QueuePairCase(
      testDescription: "two wished for",
      wish: "net.queues=2",
      pairs: 2
    ),
    QueuePairCase(
      testDescription: "vectors for two",
      properties: ["vectors=6"],
      pairs: 2
    ),
    QueuePairCase(
      testDescription: "one wished for",
      wish: "net.queues=1",
      pairs: 1,
      features: [],
      withoutFeatures: ["MQ", "RSS"]
    ),
    QueuePairCase(
      testDescription: "none wished for, RSS",
      transport: .modern,
      properties: ["rss=on"],
      wish: nil,
      pairs: 1,
      features: [],
      withoutFeatures: ["MQ", "RSS"]
    ),
  ]
}
