import Packets
import Testing

@testable import Net

@Suite struct TCPHeaderTests {
  static let syn: [UInt8] = [
    0xC0, 0x00, 0x00, 0x50,  // 49152 to 80
    0x01, 0x02, 0x03, 0x04,  // sequence number
    0x05, 0x06, 0x07, 0x08,  // acknowledgement number
    0x70, 0x12, 0xFF, 0xFF,  // 28 bytes, SYN ACK, window 65535
    0x00, 0x00, 0x00, 0x09,  // checksum, urgent pointer
    0x02, 0x04, 0x05, 0xB4,  // MSS 1460
    0x03, 0x03, 0x07, 0x00,  // window scale 7
  ]

  static func parse(_ bytes: [UInt8]) throws -> TCPHeader {
    try TCPHeader(parsing: bytes.rawSpan)
  }

  /// A header with `options`, whose length is a multiple of 4.
  static func header(options: [UInt8]) -> [UInt8] {
    var bytes = Array(syn[..<20]) + options
    bytes[12] = UInt8(bytes.count / 4) << 4
    return bytes
  }

  @Test func fields_areRead() throws {
    let header = try Self.parse(Self.syn)
    #expect(header.sourcePort == 49152)
    #expect(header.destinationPort == 80)
    #expect(header.sequenceNumber == SequenceNumber(0x0102_0304))
    #expect(header.acknowledgementNumber == SequenceNumber(0x0506_0708))
    #expect(header.flags == [.syn, .acknowledgement])
    #expect(header.window == 65535)
    #expect(header.urgentPointer == 9)
    #expect(header.options.maximumSegmentSize == 1460)
    #expect(header.options.windowScale == 7)
    #expect(header.parsedLength == 28)
    #expect(!header.options.isMalformed)
  }

  @Test func written_isWhatWasRead() throws {
    let header = try Self.parse(Self.syn)
    #expect(header.length == 28)
    let pool = PacketPool(capacity: 1)
    var packet = pool.allocate()!
    packet.append(28)
    var target = packet.mutableBytes
    header.write(to: &target, length: 28)
    #expect(Array(copying: packet.bytes) == Self.syn)
  }

  @Test func length_withoutOptions_is20() {
    let header = TCPHeader(
      sourcePort: 1,
      destinationPort: 2,
      sequenceNumber: SequenceNumber(3),
      flags: .reset
    )
    #expect(header.length == 20)
  }

  @Test(arguments: 0..<20)
  func fewerThan20Bytes_areTruncated(count: Int) {
    #expect(throws: TCPHeader.Malformed.truncated) {
      try Self.parse(Array(Self.syn[..<count]))
    }
  }

  @Test(arguments: 0..<5)
  func dataOffsetBelow5_isRefused(words: Int) {
    var bytes = Self.syn
    bytes[12] = UInt8(words) << 4
    #expect(throws: TCPHeader.Malformed.dataOffset) { try Self.parse(bytes) }
  }

  @Test(arguments: 8...15)
  func dataOffsetBeyondTheBytes_isTruncated(words: Int) {
    var bytes = Self.syn
    bytes[12] = UInt8(words) << 4
    #expect(throws: TCPHeader.Malformed.truncated) { try Self.parse(bytes) }
  }

  /// Options, and what is believed of them.
  struct Case: CustomTestStringConvertible {
    let name: String
    let options: [UInt8]
    let segmentSize: UInt16?
    let scale: UInt8?
    let isMalformed: Bool
    var testDescription: String { name }

    init(
      _ name: String,
      _ options: [UInt8],
      _ segmentSize: UInt16?,
      _ scale: UInt8?,
      malformed: Bool = false
    ) {
      self.name = name
      self.options = options
      self.segmentSize = segmentSize
      self.scale = scale
      isMalformed = malformed
    }
  }

  @Test(arguments: [
    Case("none", [], nil, nil),
    Case("padding", [1, 1, 1, 0], nil, nil),
    Case("after the end", [0, 2, 4, 5, 0, 0, 0, 0], nil, nil),
    Case("unknown is skipped", [253, 4, 9, 9, 2, 4, 1, 0], 256, nil),
    Case("timestamps", [1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2], nil, nil),
    Case("scale between", [1, 3, 3, 5, 2, 4, 2, 0], 512, 5),
    Case("length 0", [253, 0, 0, 0, 2, 4, 1, 0], nil, nil, malformed: true),
    Case("length 1", [253, 1, 0, 0, 2, 4, 1, 0], nil, nil, malformed: true),
    Case("beyond the header", [1, 1, 2, 4], nil, nil, malformed: true),
    Case("length cut off", [1, 1, 1, 2], nil, nil, malformed: true),
    Case("MSS of length 3", [2, 3, 5, 0], nil, nil, malformed: true),
    Case("scale of length 4", [3, 4, 5, 0], nil, nil, malformed: true),
    Case(
      "what was before stays",
      [2, 4, 1, 0, 3, 9, 1, 1],
      256,
      nil,
      malformed: true
    ),
  ])
  func options(_ example: Case) throws {
    let header = try Self.parse(Self.header(options: example.options))
    #expect(header.options.maximumSegmentSize == example.segmentSize)
    #expect(header.options.windowScale == example.scale)
    #expect(header.options.isMalformed == example.isMalformed)
  }

  @Test(arguments: [1, 2, 3] as [UInt64])
  func randomBytes_neverTrap(seed: UInt64) {
    var random = RandomNumbers(seed: SipHash.Key(seed, 0))
    for round in 0..<20_000 {
      var bytes = (0..<Int.random(in: 0...64, using: &random)).map { _ in
        UInt8.random(in: 0...255, using: &random)
      }
      if bytes.count > 12, round % 2 == 0 {
        bytes[12] = UInt8.random(in: 5...15, using: &random) << 4
      }
      if let header = try? Self.parse(bytes) {
        #expect(
          header.parsedLength >= 20 && header.parsedLength <= bytes.count,
          "seed \(seed) round \(round)"
        )
      }
    }
  }

  @Test func checksum_coversAddressesAndText() {
    let pool = PacketPool(capacity: 1)
    let source = IPAddress(IPv4Address(10, 0, 0, 1))
    let destination = IPAddress(IPv4Address(10, 0, 0, 2))
    var packet = pool.allocate(headroom: 64)!
    packet.append(copying: ([1, 2, 3] as [UInt8]).rawSpan)
    packet.prepend(
      TCPHeader(
        sourcePort: 1,
        destinationPort: 2,
        sequenceNumber: SequenceNumber(3),
        flags: .push
      ),
      from: source,
      to: destination
    )
    let isRight = TCPHeader.isChecksumRight(
      of: packet,
      from: source,
      to: destination
    )
    #expect(isRight)
    let isRightElsewhere = TCPHeader.isChecksumRight(
      of: packet,
      from: source,
      to: IPAddress(IPv4Address(10, 0, 0, 3))
    )
    #expect(!isRightElsewhere)
    for offset in 0..<packet.count {
      var bytes = packet.mutableBytes
      let byte = bytes.bytes.byte(at: offset)
      bytes.storeBigEndian(byte ^ 0x10, at: offset)
      let isStillRight = TCPHeader.isChecksumRight(
        of: packet,
        from: source,
        to: destination
      )
      var restored = packet.mutableBytes
      restored.storeBigEndian(byte, at: offset)
      #expect(!isStillRight, "offset \(offset)")
    }
  }
}
