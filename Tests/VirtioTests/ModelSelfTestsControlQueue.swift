import PCIModel
import Testing

/// How commands come and are answered, and several queues. VIRTIO 1.2 §5.1.2,
/// §5.1.6.5, §5.1.6.5.5 to §5.1.6.5.7.
@Suite struct ModelSelfTestsControlQueue {
  typealias Build = NetworkDeviceModel.Build

  private func driver(
    _ features: [FeatureBit],
    pairs: Int = 4,
    queues: [Int]? = nil
  ) -> HandDriver {
    let driver = HandDriver(
      features,
      Build(queueSizes: [16, 16], pairs: pairs)
    )
    driver.start(queues: queues)
    return driver
  }

  // MARK: Layout and answers

  @Test func layout_isObjectedTo() {
    let driver = driver([.ctrlVQ, .ctrlRX], pairs: 1)
    let bytes = driver.store([0, 0, 1, 0xFF, 0xFF])
    driver.post(2, [.read(bytes, 3), .write(bytes + 3, 2)])
    driver.post(2, [.read(bytes, 3)])
    driver.post(2, [.read(bytes, 1), .write(bytes + 3, 1)])
    #expect(
      driver.violations == [
        .badCommandLayout, .badCommandLayout, .badCommandLayout,
      ]
    )
    // In as many parts as it likes.
    driver.post(
      2,
      [.read(bytes, 1), .read(bytes + 1, 1), .read(bytes + 2, 1)]
        + [.write(bytes + 3, 1)]
    )
    #expect(driver.violations.count == 3)
    #expect(driver.model.control.modes == .promiscuous)
  }

  @Test func commandBeforeDriverOK_isObjectedTo() {
    let driver = HandDriver([.ctrlVQ, .ctrlRX])
    driver.agree()
    for queue in 0..<3 { driver.enable(queue) }
    let bytes = driver.store([0, 0, 1, 0xFF])
    driver.add(2, [.read(bytes, 3), .write(bytes + 3, 1)])
    driver.publish(2)
    driver.setStatus(0xF)
    #expect(driver.violations == [.commandTooEarly])
  }

  @Test func answers_areAsTheTestSays() {
    let driver = driver([.ctrlVQ, .ctrlRX], pairs: 1)
    driver.model.controlAnswer = .refuses
    #expect(driver.command(0, 0, [1]) == 1)
    #expect(driver.model.control.modes == [])
    driver.model.controlAnswer = .with(0xA5)
    #expect(driver.command(0, 0, [1]) == 0xA5)
    driver.model.controlAnswer = .withLength(0)
    #expect(driver.command(0, 0, [1]) == nil)
    driver.model.controlAnswer = .late
    #expect(driver.command(0, 0, [0]) == nil)
    #expect(driver.model.chainsInFlight(2) == 1)
    driver.model.answerLate()
    #expect(driver.takeUsed(2) == [0])
    driver.model.controlAnswer = .never
    #expect(driver.command(0, 0, [1]) == nil)
    #expect(driver.model.chainsInFlight(2) == 1)
    #expect(driver.model.auditBuffers() == [])
    #expect(driver.violations == [])
  }

  // MARK: Several queues

  /// §5.1.2: the control queue is behind the pairs that were agreed on.
  @Test func controlQueue_isBehindThePairs() {
    let one = driver([.ctrlVQ, .ctrlRX], pairs: 1)
    #expect(one.model.controlIndex == 2)
    let four = driver([.ctrlVQ, .mq])
    #expect(four.model.controlIndex == 8)
    #expect(four.command(4, 0, [4, 0]) == 0)
    #expect(four.model.control.pairs == 4)
    // Offered, not accepted: one pair, and the control queue behind it.
    let build = HandDriver([.ctrlVQ, .mq], Build(pairs: 4))
    build.agree(FeatureBit.bits(.ctrlVQ, .version1))
    #expect(build.model.controlIndex == 2)
    #expect(one.violations + four.violations + build.violations == [])
  }

  @Test func pairsWithoutQueues_areRefused() {
    let driver = driver([.ctrlVQ, .mq], queues: [0, 1, 2, 3, 8])
    #expect(driver.violations == [])
    #expect(driver.command(4, 0, [2, 0]) == 0)
    #expect(driver.command(4, 0, [3, 0]) == 1)
    #expect(driver.violations == [.queueMissing])
  }

  @Test func queueBeyondThePairs_isObjectedTo() {
    let driver = driver([.ctrlVQ, .mq])
    driver.send(frame(1), queue: 3)
    #expect(driver.violations == [.queueBeyondPairs])
    #expect(driver.command(4, 0, [2, 0]) == 0)
    driver.send(frame(1), queue: 3)
    #expect(driver.violations == [.queueBeyondPairs])
    #expect(driver.model.sentQueues == [3, 3])
  }

  /// §5.1.6.5.6: what comes back goes where its flow was sent from.
  @Test func flow_comesBackOnItsQueue() {
    let driver = driver([.ctrlVQ, .mq])
    #expect(driver.command(4, 0, [4, 0]) == 0)
    for queue in 0..<4 { driver.fill(8, queue: 2 * queue) }
    var back = GoldenFrames.complete
    back.replaceSubrange(26..<30, with: GoldenFrames.complete[30..<34])
    back.replaceSubrange(30..<34, with: GoldenFrames.complete[26..<30])
    back.replaceSubrange(34..<36, with: GoldenFrames.complete[36..<38])
    back.replaceSubrange(36..<38, with: GoldenFrames.complete[34..<36])
    for pair in [3, 1, 2, 0] {
      driver.send(GoldenFrames.complete, queue: 2 * pair + 1)
      #expect(driver.model.deliver(back))
      #expect(driver.receive(queue: 2 * pair)?.1 == back)
    }
    driver.model.steering = .roundRobin
    for pair in [1, 2, 3, 0] {
      #expect(driver.model.deliver(frame(9)))
      #expect(driver.receive(queue: 2 * pair)?.1 == frame(9))
    }
    #expect(driver.violations == [])
  }

  // MARK: Receive side scaling, §5.1.6.5.7

  private func scaling(
    table: [UInt16],
    unclassified: UInt16 = 0,
    mask: UInt16? = nil,
    types: UInt32 = 0x3F,
    key: [UInt8] = ModelSelfTestsReceive.key,
    keyLength: UInt8? = nil
  ) -> [UInt8] {
    little(types) + little(mask ?? UInt16(table.count - 1))
      + little(unclassified) + table.flatMap { little($0) }
      + little(4 as UInt16) + [keyLength ?? UInt8(key.count)] + key
  }

  @Test func scaling_steersByHash() {
    let driver = driver([.ctrlVQ, .rss])
    #expect(driver.command(4, 1, scaling(table: [1, 2, 3, 1])) == 0)
    for queue in 0..<4 { driver.fill(8, queue: 2 * queue) }
    let input = Array(GoldenFrames.complete[26..<38])
    let hash = Checksum.toeplitz(key: ModelSelfTestsReceive.key, input)
    let expected = [1, 2, 3, 1][Int(hash & 3)]
    #expect(driver.model.deliver(GoldenFrames.complete))
    #expect(driver.receive(queue: 2 * expected)?.1 == GoldenFrames.complete)
    // No IP: the queue for the rest.
    #expect(driver.model.deliver(frame(1)))
    #expect(driver.receive(queue: 0)?.1 == frame(1))
    #expect(driver.violations == [])
  }

  @Test func scalingBroken_isObjectedTo() {
    let driver = driver([.ctrlVQ, .rss, .hashReport])
    let long = ModelSelfTestsReceive.key + [1]
    let wrong: [([UInt8], Violation)] = [
      (scaling(table: [0, 1, 2]), .badCommandData),
      (scaling(table: [0, 4]), .badCommandData),
      (scaling(table: [0, 1], unclassified: 4), .badCommandData),
      (scaling(table: [0], types: 1 << 20), .badCommandData),
      (scaling(table: [0], key: long), .badCommandData),
      (scaling(table: [0], keyLength: 39), .badCommandLength),
      (scaling(table: [0], mask: 127), .badCommandLength),
      ([1, 0, 0, 0], .badCommandLength),
      (scaling(table: [UInt16](repeating: 0, count: 256)), .badCommandData),
    ]
    for (index, (data, _)) in wrong.enumerated() {
      #expect(driver.command(4, 1, data) == 1, "\(index)")
    }
    #expect(driver.violations == wrong.map(\.1))
    let reserved = little(1 as UInt32) + [1, 0, 0, 0, 0, 0, 0, 0, 0]
    #expect(driver.command(4, 2, reserved) == 1)
    #expect(driver.violations.last == .badCommandData)
  }
}
