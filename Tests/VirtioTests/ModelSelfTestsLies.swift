import PCIModel
import Testing

/// The model really says what each ``NetworkDeviceModel/Lie`` is called, in
/// both formats.
@Suite struct ModelSelfTestsLies {
  typealias Lie = NetworkDeviceModel.Lie

  static let features: [[FeatureBit]] = [
    [.mrgRxbuf, .guestCsum, .guestTSO4],
    [.mrgRxbuf, .guestCsum, .guestTSO4, .ringPacked],
  ]

  private func driver(_ features: [FeatureBit]) -> HandDriver {
    let driver = HandDriver(features)
    driver.start(size: 8)
    driver.fill(4, length: 200)
    return driver
  }

  /// The used entry that the driver looks at next.
  private func entry(_ driver: HandDriver) -> (id: UInt32, length: UInt32) {
    let queue = driver.model.queues[0]
    let memory = driver.memory
    if queue.rules.isPacked {
      let place = queue.descriptorAddress(0)
      return (
        UInt32(memory.load(place + 12, as: UInt16.self)),
        memory.load(place + 8)
      )
    }
    return (
      memory.load(queue.deviceArea + 4), memory.load(queue.deviceArea + 8)
    )
  }

  @Test(arguments: features)
  func usedEntries_areWrong(_ features: [FeatureBit]) {
    let isPacked = features.contains(.ringPacked)
    let expected: [(Lie, id: UInt32?, length: UInt32?)] = [
      (.usedIDOutOfRange, 8, nil),
      (.usedIDHuge, isPacked ? 0xFFFF : .max, nil),
      (.usedIDNotInFlight, 4, nil), (.usedLengthTooLong, 0, 201),
      (.usedLengthHuge, 0, .max), (.usedLengthShort, 0, 11),
      (.usedLengthZero, 0, 0),
    ]
    for (lie, id, length) in expected {
      let driver = driver(features)
      #expect(driver.model.tell(lie))
      let entry = entry(driver)
      if let id { #expect(entry.id == id, "\(lie)") }
      if let length { #expect(entry.length == length, "\(lie)") }
      #expect(driver.model.interrupts.count == 1)
      #expect(driver.violations == [])
    }
  }

  @Test(arguments: features)
  func usedTwice_isTwoEntries(_ features: [FeatureBit]) {
    let driver = driver(features)
    #expect(driver.model.tell(.usedTwice))
    #expect(driver.takeUsed(0) != nil)
    let queue = driver.model.queues[0]
    #expect(queue.used == 2)
    #expect(queue.countUsed == 1)
    #expect(driver.takeUsed(0) == nil)
  }

  @Test func indices_areWrong() {
    for (lie, index) in [(Lie.usedIndexJumps, 0x7FFF), (.usedIndexBack, -1)] {
      let driver = driver(Self.features[0])
      #expect(driver.model.tell(lie))
      let area = driver.model.queues[0].deviceArea
      let now: UInt16 = driver.memory.load(area + 2)
      #expect(now == UInt16(truncatingIfNeeded: index))
    }
    for lie in [Lie.usedWrapWrong, .usedPlaceWrong] {
      let split = driver(Self.features[0])
      #expect(!split.model.tell(lie))
      let driver = driver(Self.features[1])
      #expect(driver.model.tell(lie))
      let place = driver.model.queues[0].descriptorAddress(
        lie == .usedPlaceWrong ? 1 : 0
      )
      let flags: UInt16 = driver.memory.load(place + 14)
      #expect(flags & 0x8080 == (lie == .usedPlaceWrong ? 0x8080 : 0))
      #expect(driver.takeUsed(0) == nil)
    }
  }

  @Test(arguments: features)
  func headers_areWrong(_ features: [FeatureBit]) {
    let expected: [(Lie, (PacketHeaderFields) -> Bool)] = [
      (.bufferCountZero, { $0.bufferCount == 0 }),
      (.bufferCountHuge, { $0.bufferCount == .max }),
      (.bufferCountTooMany, { $0.bufferCount == 2 }),
      (.buffersNotFull, { $0.bufferCount == 2 }),
      (.checksumStartOutside, { $0.checksumStart > 100 }),
      (
        .checksumOffsetOutside,
        {
          $0.checksumStart + $0.checksumOffset == 99
        }
      ),
      (.segmentSizeZero, { $0.segmentation == 1 && $0.segmentSize == 0 }),
      (.segmentationNotNegotiated, { $0.segmentation == 4 }),
      (.segmentationUnknown, { $0.segmentation == 0x42 }),
      (.headerLengthOutside, { $0.headerLength > 100 }),
      (.checksumNotNegotiated, { $0.needsChecksum }),
    ]
    for (lie, isToldIn) in expected {
      #expect(lie.isAboutReceiving)
      let driver = driver(features)
      #expect(driver.model.tell(lie))
      let bytes = driver.takeUsed(0) ?? []
      #expect(bytes.count == 112)
      #expect(isToldIn(PacketHeaderFields(bytes)), "\(lie)")
    }
  }

  @Test(arguments: features + [[.eventIdx], [.eventIdx, .ringPacked]])
  func rest_isWrong(_ features: [FeatureBit]) {
    let driver = driver(features)
    #expect(driver.model.tell(.interruptForNothing))
    #expect(driver.model.interrupts.count == 1)
    #expect(driver.takeUsed(0) == nil)
    #expect(driver.model.tell(.eventRubbish))
    let queue = driver.model.queues[0]
    let flags = queue.deviceArea + (queue.rules.isPacked ? 2 : 0)
    #expect(driver.memory.load(flags, as: UInt16.self) == 0xFFFF)
    #expect(driver.model.tell(.configurationUnsteady))
    #expect(driver.read(0x2000, width: 1) != driver.read(0x2000, width: 1))
    #expect(driver.model.tell(.answerRubbish))
    #expect(driver.model.controlAnswer == .with(0xA5))
    #expect(driver.model.tell(.answerNotWritten))
    #expect(driver.model.controlAnswer == .withLength(0))
  }

  /// No occasion, no lie, and nothing is lost.
  @Test func nothingPosted_nothingIsTold() {
    for lie in Lie.allCases where lie.isAboutReceiving {
      let driver = HandDriver(Self.features[0])
      driver.start(size: 8)
      #expect(!driver.model.tell(lie), "\(lie)")
      #expect(driver.model.interrupts == [])
    }
  }
}
