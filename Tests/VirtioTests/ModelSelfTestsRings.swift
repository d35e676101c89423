import PCIModel
import Testing

/// The model's rings against a driver by hand: chains come and go, in each
/// format, and no rule is said to be broken that is not. VIRTIO 1.2 §2.7, §2.8.
@Suite struct ModelSelfTestsRings {
  struct Setting: Sendable, CustomTestStringConvertible {
    var features: [FeatureBit]
    var size: UInt16
    var isIndirect = false

    var testDescription: String { "\(features) \(size) \(isIndirect)" }
  }

  static let settings: [Setting] = {
    var settings: [Setting] = []
    let sizes: [(UInt16, isPacked: Bool)] = [(8, false), (8, true), (7, true)]
    for (size, isPacked) in sizes {
      for bits in 0..<8 {
        var features: [FeatureBit] = isPacked ? [.ringPacked] : []
        if bits & 1 != 0 { features.append(.eventIdx) }
        if bits & 2 != 0 { features.append(.inOrder) }
        if bits & 4 != 0 { features.append(.notificationData) }
        settings.append(Setting(features: features, size: size))
        features.append(.indirectDesc)
        settings.append(
          Setting(features: features, size: size, isIndirect: true)
        )
      }
    }
    return settings
  }()

  @Test(arguments: settings)
  func chains_comeAndGo_manyRounds(_ setting: Setting) {
    let driver = HandDriver(setting.features)
    driver.start(size: setting.size)
    let header = driver.store([UInt8](repeating: 0, count: 12))
    for number in 0..<60 {
      let content = frame(number)
      let body = driver.store(content)
      driver.post(
        1,
        [.read(header, 12), .read(body, 20), .read(body + 20, 40)],
        isIndirect: setting.isIndirect
      )
      #expect(driver.model.sent.last == content)
      #expect(driver.takeUsed(1) == [])

      driver.fill(1)
      #expect(driver.model.deliver(content))
      let received = driver.receive()
      #expect(received?.1 == content)
      #expect(received?.0.bufferCount == 1)
    }
    #expect(driver.violations == [])
    #expect(driver.model.auditBuffers() == [])
    #expect(driver.model.chainsInFlight(0) == 0)
    #expect(driver.model.chainsInFlight(1) == 0)
  }

  /// Chains of several descriptors wrap round the end of the ring.
  @Test(arguments: [UInt16(3), 5, 7, 12])
  func packed_anySize_ofAnyLength(_ size: UInt16) {
    let driver = HandDriver([.ringPacked])
    driver.start(size: size)
    let header = driver.store([UInt8](repeating: 0, count: 12))
    let body = driver.store(frame(1, length: 40))
    for number in 0..<50 {
      let count = 1 + number % (Int(size) - 1)
      var parts: [HandRing.Part] = [.read(header, 12)]
      for index in 0..<count {
        let length = index + 1 < count ? 1 : 41 - count
        parts.append(.read(body + UInt64(index), length))
      }
      driver.post(1, parts)
      #expect(driver.takeUsed(1) == [])
    }
    #expect(driver.model.sent.count == 50)
    #expect(driver.model.sent.allSatisfy { $0 == frame(1, length: 40) })
    #expect(driver.violations == [])
  }

  /// Random traffic with random order and delays: what is sent is what came,
  /// and at the end every buffer is the driver's.
  @Test(arguments: settings, [UInt64(1), 2])
  func randomCompletion_losesNothing(_ setting: Setting, _ seed: UInt64) {
    var numbers = SeededNumbers(state: seed)
    let driver = HandDriver(setting.features)
    driver.start(size: setting.size)
    driver.model.completion = .random(seed)
    if setting.features.contains(.inOrder) {
      driver.model.completion.usesBatches = true
    }
    let header = driver.store([UInt8](repeating: 0, count: 12))
    var posted: [[UInt8]] = []
    var returned = 0
    for step in 0..<300 {
      let room = driver.rings[1]?.room ?? 0
      if room >= 2, Bool.random(using: &numbers) {
        let content = frame(
          step,
          length: Int.random(in: 14...60, using: &numbers)
        )
        driver.add(
          1,
          [.read(header, 12), .read(driver.store(content), content.count)],
          isIndirect: setting.isIndirect
        )
        posted.append(content)
      } else {
        driver.publish(1)
        driver.notify(1)
      }
      while driver.takeUsed(1) != nil { returned += 1 }
      #expect(driver.model.auditBuffers() == [])
    }
    driver.publish(1)
    driver.notify(1)
    driver.model.complete()
    while driver.takeUsed(1) != nil { returned += 1 }
    #expect(driver.model.sent == posted, "seed \(seed)")
    #expect(returned == posted.count, "seed \(seed)")
    #expect(driver.model.chainsInFlight(1) == 0, "seed \(seed)")
    #expect(driver.violations == [], "seed \(seed)")
  }

  /// The order is really another one.
  @Test(arguments: [[], [FeatureBit.ringPacked]])
  func randomCompletion_isOutOfOrder(_ features: [FeatureBit]) {
    let driver = HandDriver(features)
    driver.start(size: 16)
    driver.model.completion = .random(3)
    let header = driver.store([UInt8](repeating: 0, count: 26))
    let ids = (0..<16).map { _ in driver.add(1, [.read(header, 26)]) }
    driver.publish(1)
    driver.notify(1)
    driver.model.complete()
    var returned: [UInt16] = []
    while let used = driver.rings[1]?.takeUsed(driver.memory) {
      returned.append(used.id)
    }
    #expect(returned != ids)
    #expect(returned.sorted() == ids.sorted())
  }

  /// §2.7.9, §2.8.9: one entry, for the last of them.
  @Test(arguments: [[], [FeatureBit.ringPacked]])
  func inOrderBatch_hasOneEntry(_ features: [FeatureBit]) {
    let driver = HandDriver(features + [.inOrder])
    driver.start(size: 8)
    driver.model.completion = .inBatches
    let body = driver.store([UInt8](repeating: 0, count: 26))
    for _ in 0..<5 { driver.add(1, [.read(body, 26)]) }
    driver.publish(1)
    driver.notify(1)
    if features.isEmpty {
      let ring = driver.model.queues[1]
      #expect(driver.memory.load(ring.deviceArea + 2, as: UInt16.self) == 5)
      #expect(driver.memory.load(ring.deviceArea + 4, as: UInt32.self) == 4)
      #expect(driver.memory.load(ring.deviceArea + 12, as: UInt32.self) == 0)
    } else {
      let place = driver.model.queues[1].descriptorAddress(0)
      #expect(driver.memory.load(place + 12, as: UInt16.self) == 4)
      #expect(driver.memory.load(place + 14, as: UInt16.self) == 0x8080)
      #expect(driver.memory.load(place + 30, as: UInt16.self) == 0x0080)
    }
    var returned = 0
    while driver.takeUsed(1) != nil { returned += 1 }
    #expect(returned == 5)
    #expect(driver.violations == [])
  }
}
