import PCIModel
import Testing

/// To what the model objects in packets to send: each test breaks one rule of
/// VIRTIO 1.2 §5.1.6.2.1 by hand.
@Suite struct ModelSelfTestsTransmitRules {
  typealias Fields = PacketHeaderFields
  typealias Kind = PacketHeaderFields.Segmentation

  struct Break: Sendable, CustomTestStringConvertible {
    var name: String
    var expected: Violation
    var features = ModelSelfTestsTransmit.all
    /// Changes a header and a packet that are right.
    var change: @Sendable (inout Fields, inout [UInt8]) -> Void

    var testDescription: String { name }
  }

  static let breaks: [Break] = [
    Break(name: "DATA_VALID", expected: .badHeaderFlags) { fields, _ in
      fields.flags |= 2
    },
    Break(name: "RSC_INFO", expected: .badHeaderFlags) { fields, _ in
      fields.flags |= 4
    },
    Break(name: "num_buffers", expected: .bufferCountNotZero) { fields, _ in
      fields.bufferCount = 1
    },
    Break(
      name: "no CSUM",
      expected: .checksumNotNegotiated,
      features: []
    ) { _, _ in },
    Break(
      name: "no CSUM, header",
      expected: .headerNotZero,
      features: []
    ) { _, _ in },
    Break(name: "csum_start", expected: .checksumOutsidePacket) { fields, _ in
      fields.checksumStart = .max
    },
    Break(name: "csum_offset", expected: .checksumOutsidePacket) {
      fields,
      packet in
      fields.checksumOffset = UInt16(packet.count - 35)
    },
    Break(name: "csum_start off by 2", expected: .checksumMisplaced) {
      fields,
      _ in
      fields.checksumStart += 2
    },
    Break(name: "sum of 0", expected: .wrongPseudoHeaderSum) { _, packet in
      (packet[50], packet[51]) = (0, 0)
    },
    Break(name: "whole checksum", expected: .wrongPseudoHeaderSum) {
      _,
      packet in
      packet = Segmentation.completed(packet)
    },
    Break(name: "not complete", expected: .checksumIncomplete) { fields, _ in
      fields = Fields()
    },
    Break(name: "gso_size", expected: .segmentSizeZero) { fields, _ in
      fields.segmentSize = 0
    },
    Break(name: "no NEEDS_CSUM", expected: .segmentationWithoutChecksum) {
      fields,
      packet in
      fields.flags = 0
      packet = Segmentation.completed(packet)
    },
    Break(name: "gso_type unknown", expected: .badSegmentationType) {
      fields,
      _ in
      fields.segmentation = 2
    },
    Break(name: "gso_type of IPv6", expected: .badSegmentationType) {
      fields,
      _ in
      fields.segmentation = Kind.tcp6
    },
    Break(name: "gso_type of UDP", expected: .badSegmentationType) {
      fields,
      _ in
      fields.segmentation = Kind.udpSegments
    },
    Break(
      name: "no TSO",
      expected: .segmentationNotNegotiated,
      features: [.csum, .hostTSO6, .hostECN]
    ) { _, _ in },
    Break(name: "hdr_len short", expected: .headerLengthWrong) { fields, _ in
      fields.headerLength -= 1
    },
    Break(name: "hdr_len long", expected: .headerLengthWrong) { fields, _ in
      fields.headerLength += 1
    },
    Break(name: "CWR not said", expected: .ecnMisstated) { fields, _ in
      fields.segmentation &= 0x7F
    },
    Break(
      name: "no ECN",
      expected: .ecnNotNegotiated,
      features: [.csum, .hostTSO4]
    ) { fields, _ in fields.segmentation &= 0x7F },
    Break(name: "long segments", expected: .frameTooLong) { fields, _ in
      fields.segmentSize = 1460
    },
    Break(name: "long frame", expected: .frameTooLong) { fields, packet in
      fields = Fields()
      packet = [UInt8](repeating: 9, count: 1515)
    },
  ]

  @Test(arguments: breaks)
  func ruleBroken_isObjectedTo(_ rule: Break) {
    let driver = HandDriver(rule.features)
    driver.start()
    var packet = GoldenFrames.tcp4
    var fields = GoldenFrames.header(
      packet,
      Kind.tcp4 | Kind.ecn,
      segmentSize: 4
    )
    rule.change(&fields, &packet)
    driver.send(packet, fields)
    #expect(driver.violations.contains(rule.expected))
  }

  @Test func frameAboveTheMTU_isObjectedTo() {
    let driver = HandDriver([.mtu], HandDriver.Build(mtu: 1280))
    driver.start()
    driver.send([UInt8](repeating: 9, count: 1294))
    #expect(driver.violations == [])
    driver.send([UInt8](repeating: 9, count: 1295))
    #expect(driver.violations == [.frameTooLong])
  }
}
