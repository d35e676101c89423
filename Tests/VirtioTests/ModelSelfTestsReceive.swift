import PCIModel
import Testing

/// What the model hands over, and in which buffers. VIRTIO 1.2 §5.1.6.3,
/// §5.1.6.4.
@Suite struct ModelSelfTestsReceive {
  typealias Kind = PacketHeaderFields.Segmentation

  static let guest: [FeatureBit] = [
    .guestCsum, .guestTSO4, .guestTSO6, .guestECN, .guestUFO, .guestUSO4,
  ]

  static let header = PacketHeaderFields()

  @Test func validated_isSaid_whereItIsTaken() {
    let driver = HandDriver([.guestCsum])
    driver.start()
    driver.fill(4)
    #expect(driver.model.deliver(GoldenFrames.complete, offload: .valid))
    var received = driver.receive()
    #expect(received?.0.flags == 2)
    #expect(received?.1 == GoldenFrames.complete)

    #expect(driver.model.deliver(GoldenFrames.complete, offload: .partial))
    received = driver.receive()
    #expect(received?.0.flags == 1)
    #expect(received?.0.checksumStart == 34)
    #expect(received?.0.checksumOffset == 16)
    // Completed as §5.1.6.2 says it is the frame again.
    var bytes = received?.1 ?? []
    #expect(bytes != GoldenFrames.complete)
    bytes.replaceSubrange(50..<52, with: big(~Checksum.sum(bytes[34...])))
    #expect(bytes == GoldenFrames.complete)

    // Without the feature it is as it came.
    let plain = HandDriver([])
    plain.start()
    plain.fill(2)
    for offload in [NetworkDeviceModel.Offload.valid, .partial] {
      #expect(plain.model.deliver(GoldenFrames.complete, offload: offload))
      let received = plain.receive()
      #expect(received?.0.flags == 0)
      #expect(received?.1 == GoldenFrames.complete)
    }
    #expect(driver.violations + plain.violations == [])
  }

  @Test func large_isWhole_orCutWhereItIsNotTaken() {
    let driver = HandDriver(Self.guest)
    driver.start(size: 4)
    driver.fill(1, length: 65_562)
    let offload = NetworkDeviceModel.Offload.large(
      type: Kind.tcp4,
      segmentSize: 4,
      isECN: true
    )
    #expect(
      driver.model.deliver(
        Segmentation.completed(GoldenFrames.tcp4),
        offload: offload
      )
    )
    let received = driver.receive()
    #expect(received?.1 == GoldenFrames.tcp4)
    #expect(received?.0.segmentation == Kind.tcp4 | Kind.ecn)
    #expect(received?.0.segmentSize == 4)
    #expect(received?.0.headerLength == 66)
    #expect(received?.0.flags == 1)

    let plain = HandDriver([.guestCsum, .guestTSO4])
    plain.start(size: 4)
    plain.fill(3, length: 65_562)
    #expect(plain.model.deliver(GoldenFrames.tcp4, offload: offload))
    let frames = (0..<3).compactMap { _ in plain.receive()?.1 }
    #expect(frames == GoldenFrames.tcp4Frames)
    #expect(driver.violations + plain.violations == [])
  }

  // MARK: Buffers

  /// All buffers but the last are full, and nothing is left out.
  @Test(arguments: [
    [FeatureBit.mrgRxbuf], [.mrgRxbuf, .ringPacked],
    [.mrgRxbuf, .ringPacked, .inOrder],
  ])
  func merged_isSpreadOverBuffers(_ features: [FeatureBit]) {
    let driver = HandDriver(features)
    driver.start(size: 16)
    for length in [20, 100, 101, 500, 1000] {
      driver.fill(11, length: 100)
      let content = frame(length, length: length)
      #expect(driver.model.deliver(content))
      let received = driver.receive()
      let count = (length + 12 + 99) / 100
      #expect(received?.1 == content)
      #expect(received?.0.bufferCount == UInt16(count))
      // The rest is used by small ones.
      for _ in count..<11 {
        #expect(driver.model.deliver(frame(1)))
        #expect(driver.receive()?.1 == frame(1))
      }
    }
    #expect(!driver.model.deliver(frame(1)))
    #expect(driver.model.undelivered == [.noBuffer: 1])
    #expect(driver.violations == [])
    #expect(driver.model.auditBuffers() == [])
  }

  /// What does not fit takes nothing.
  @Test func tooFewBuffers_noneIsTaken() {
    let driver = HandDriver([.mrgRxbuf])
    driver.start(size: 8)
    driver.fill(3, length: 100)
    #expect(!driver.model.deliver(frame(1, length: 289)))
    #expect(driver.model.undelivered == [.noBuffer: 1])
    #expect(driver.model.chainsInFlight(0) == 3)
    #expect(driver.model.deliver(frame(1, length: 288)))
    #expect(driver.receive()?.0.bufferCount == 3)
    #expect(driver.model.auditBuffers() == [])
  }

  @Test func notMerged_oneBufferOnly() {
    let driver = HandDriver([])
    driver.start(size: 8)
    driver.fill(2, length: 1526)
    #expect(!driver.model.deliver(frame(1, length: 1515)))
    #expect(driver.model.undelivered == [.bufferTooSmall: 1])
    #expect(driver.model.deliver(frame(1, length: 1514)))
    #expect(driver.violations == [])
  }

  /// §5.1.6.3.1
  @Test(
    arguments: [
      ([], 1526), ([.hashReport, .ctrlVQ], 1534), ([.mrgRxbuf], 12),
      ([.mrgRxbuf, .hashReport, .ctrlVQ], 20),
      ([.guestCsum, .guestTSO4], 65_562), ([.guestCsum, .guestTSO6], 65_562),
      ([.guestCsum, .guestUFO], 65_562), ([.guestCsum, .guestUSO4], 65_562),
      ([.guestCsum, .guestTSO4, .mrgRxbuf], 12), ([.guestCsum], 1526),
      ([.mtu], 4026),
    ] as [([FeatureBit], Int)]
  )
  func smallestBuffer_isObjectedToWhenSmaller(
    _ features: [FeatureBit],
    _ length: Int
  ) {
    let driver = HandDriver(features, HandDriver.Build(mtu: 4000))
    driver.start(size: 4)
    driver.fill(1, length: length)
    #expect(driver.violations == [])
    driver.fill(1, length: length - 1)
    #expect(driver.violations == [.receiveBufferTooSmall])
  }

  // MARK: Hashes, §5.1.6.4.3

  /// The published values that prove an implementation of the hash.
  static let key = GoldenFrames.bytes(
    "6d5a56da255b0ec24167253d43a38fb0d0ca2bcbae7b30b477cb2da38030f20c"
      + "6a42b73bbeac01fa"
  )

  @Test func toeplitz_isAsPublished() {
    let addresses: [UInt8] = [66, 9, 149, 187, 161, 142, 100, 80]
    let ports: [UInt8] = [0x0A, 0xEA, 0x06, 0xE6]
    #expect(
      Checksum.toeplitz(key: Self.key, addresses + ports) == 0x51CC_C178
    )
    #expect(Checksum.toeplitz(key: Self.key, addresses) == 0x323E_8FC2)
  }

  /// Transport before addresses, and none of what is off.
  @Test func hash_isReported() {
    let driver = HandDriver([.hashReport, .ctrlVQ, .mrgRxbuf])
    driver.start()
    let expected: [(types: UInt32, report: UInt16)] = [
      (0, 0), (1, 1), (2, 2), (3, 2), (4, 0), (0x38, 0),
    ]
    for (types, report) in expected {
      let data = little(types) + [UInt8](repeating: 0, count: 8) + [40]
      #expect(driver.command(4, 2, data + Self.key) == 0)
      driver.fill(1)
      #expect(driver.model.deliver(GoldenFrames.complete))
      let received = driver.receive()
      #expect(received?.0.hashReport == report)
      #expect(received?.1 == GoldenFrames.complete)
      let input = GoldenFrames.complete[26..<(report == 1 ? 34 : 38)]
      let hash = Checksum.toeplitz(key: Self.key, Array(input))
      #expect(received?.0.hash == (report == 0 ? 0 : hash))
    }
    #expect(driver.violations == [])
  }

  /// RFC 1071 §3.
  @Test func sum_isAsPublished() {
    let bytes: [UInt8] = [0x00, 0x01, 0xF2, 0x03, 0xF4, 0xF5, 0xF6, 0xF7]
    #expect(Checksum.sum(bytes) == 0xDDF2)
  }
}
