import PCIModel
import Testing

/// The model bites in its rings: each test breaks one rule of VIRTIO 1.2 §2.7
/// or §2.8 by hand and expects just that objection.
@Suite struct ModelSelfTestsRingRules {
  struct Break: Sendable, CustomTestStringConvertible {
    var name: String
    var features: [FeatureBit]
    var expected: Violation
    /// Adds to queue 1 what is wrong; it is published and notified after.
    var act: @Sendable (HandDriver) -> Void

    var testDescription: String { "\(name) \(features)" }

    init(
      _ name: String,
      _ features: [FeatureBit] = [],
      _ expected: Violation,
      _ act: @escaping @Sendable (HandDriver) -> Void
    ) {
      self.name = name
      self.features = features
      self.expected = expected
      self.act = act
    }
  }

  private static func good(_ driver: HandDriver) -> [HandRing.Part] {
    [.read(driver.store([UInt8](repeating: 0, count: 26)), 26)]
  }

  private static func set(
    _ driver: HandDriver,
    slot: UInt16,
    _ offset: UInt64,
    _ value: UInt16
  ) {
    let place = driver.model.queues[1].descriptorAddress(slot)
    driver.memory.store(value, at: place + offset)
  }

  /// Adds a table with these entries' parts and changes what `change` likes.
  private static func table(
    _ driver: HandDriver,
    entries: Int = 2,
    length: Int? = nil,
    _ change: (UInt64) -> Void = { _ in }
  ) {
    let body = driver.store([UInt8](repeating: 0, count: 26))
    let parts = (0..<entries).map { index in
      HandRing.Part.read(body + UInt64(index), index + 1 < entries ? 1 : 25)
    }
    driver.add(1, parts, isIndirect: true)
    let place = driver.model.queues[1].descriptorAddress(0)
    if let length { driver.memory.store(UInt32(length), at: place + 8) }
    change(driver.memory.load(place))
  }

  static let both: [Break] = [[], [FeatureBit.ringPacked]].flatMap { ring in
    let isPacked = !ring.isEmpty
    let flags: UInt64 = isPacked ? 14 : 12
    let available: UInt16 = isPacked ? 0x80 : 0
    return [
      Break("table not agreed on", ring, .badDescriptorFlags) {
        table($0)
      },
      Break("empty table", ring + [.indirectDesc], .badIndirectTable) {
        table($0, length: 0)
      },
      Break("odd table", ring + [.indirectDesc], .badIndirectTable) {
        table($0, length: 24)
      },
      Break("long table", ring + [.indirectDesc], .chainTooLong) {
        table($0, entries: 9)
      },
      Break("table nowhere", ring + [.indirectDesc], .bufferNotInMemory) {
        let place = $0.model.queues[1].descriptorAddress(0)
        table($0)
        $0.memory.store(0x1000 as UInt64, at: place)
      },
      Break("table in a table", ring + [.indirectDesc], .nestedIndirect) {
        driver in
        table(driver) { driver.memory.store(4 as UInt16, at: $0 + flags) }
      },
      Break("flags in a table", ring + [.indirectDesc], .badDescriptorFlags) {
        driver in
        table(driver) { driver.memory.store(8 as UInt16, at: $0 + 16 + flags) }
      },
      Break("table and next", ring + [.indirectDesc], .nextWithIndirect) {
        table($0)
        if isPacked {
          $0.add(1, good($0))
          $0.publish(1)
        }
        set($0, slot: 0, flags, 5 | available)
      },
      Break("reserved flag", ring, .badDescriptorFlags) {
        $0.add(1, good($0))
        $0.publish(1)
        set($0, slot: 0, flags, 0x10 | available)
      },
      Break("to read behind to write", ring, .readableAfterWritable) {
        let body = $0.store([UInt8](repeating: 0, count: 40))
        $0.add(1, [.write(body, 12), .read(body + 12, 28)])
      },
      Break("written twice at once", ring, .bufferInFlight) {
        let body = $0.store([UInt8](repeating: 0, count: 40))
        $0.model.sendsAtOnce = false
        $0.add(1, [.write(body, 30)])
        $0.add(1, [.read(body + 29, 4)])
      },
      Break("changed while it is sent", ring, .bufferChangedInFlight) {
        let parts = good($0)
        $0.model.sendsAtOnce = false
        $0.post(1, parts)
        $0.memory.store(1 as UInt8, at: parts[0].address + 20)
        $0.model.send()
      },
    ]
  }

  static let split: [Break] = [
    Break("next out of the table", [.indirectDesc], .descriptorOutOfRange) {
      driver in
      table(driver) { driver.memory.store(2 as UInt16, at: $0 + 14) }
    },
    Break("loop in the table", [.indirectDesc], .chainLoops) { driver in
      table(driver) { driver.memory.store(0 as UInt16, at: $0 + 14) }
    },
    Break("heads not in order", [.inOrder], .notInRingOrder) { driver in
      driver.add(1, good(driver))
      driver.add(1, good(driver))
      let queue = driver.model.queues[1]
      driver.memory.store(1 as UInt16, at: queue.availableEntry(0))
      driver.memory.store(0 as UInt16, at: queue.availableEntry(1))
    },
    Break("next not in order", [.inOrder], .notInRingOrder) { driver in
      driver.add(1, good(driver) + good(driver))
      set(driver, slot: 0, 14, 3)
      let bytes = driver.memory.read(
        driver.model.queues[1].descriptorAddress(1),
        16
      )
      _ = driver.memory.write(
        driver.model.queues[1].descriptorAddress(3),
        bytes ?? []
      )
    },
    Break("table not in order", [.inOrder, .indirectDesc], .notInRingOrder) {
      driver in
      table(driver, entries: 3) {
        driver.memory.store(2 as UInt16, at: $0 + 14)
      }
    },
    Break("flags with event indices", [.eventIdx], .badAvailableFlags) {
      $0.add(1, good($0))
      $0.memory.store(1 as UInt16, at: $0.model.queues[1].driverArea)
    },
  ]

  static let packed: [Break] = [
    Break("wrong wrap counter", [.ringPacked], .wrongWrap) {
      $0.add(1, good($0))
      $0.publish(1)
      set($0, slot: 0, 14, 0x8000)
    },
    Break("first before the rest", [.ringPacked], .chainIncomplete) {
      $0.add(1, good($0) + good($0))
      set($0, slot: 1, 14, 0)
    },
    Break("table in a chain", [.ringPacked, .indirectDesc], .indirectInChain) {
      $0.add(1, good($0) + good($0))
      let table = $0.allocate(16)
      let body = $0.store([UInt8](repeating: 0, count: 26))
      $0.memory.store(body, at: table)
      $0.memory.store(26 as UInt32, at: table + 8)
      let place = $0.model.queues[1].descriptorAddress(1)
      $0.memory.store(table, at: place)
      $0.memory.store(16 as UInt32, at: place + 8)
      set($0, slot: 1, 14, 0x84)
    },
    Break("id out of range", [.ringPacked], .bufferIDOutOfRange) {
      $0.add(1, good($0))
      set($0, slot: 0, 12, 8)
    },
    Break("id twice", [.ringPacked], .bufferIDInFlight) {
      $0.model.sendsAtOnce = false
      $0.add(1, good($0))
      $0.add(1, good($0))
      set($0, slot: 1, 12, 0)
    },
    Break("changed in flight", [.ringPacked], .descriptorChanged) {
      $0.model.sendsAtOnce = false
      $0.post(1, good($0))
      set($0, slot: 0, 12, 5)
    },
    Break("over what is in flight", [.ringPacked], .ringOverrun) {
      $0.model.sendsAtOnce = false
      for _ in 0..<8 { $0.add(1, good($0)) }
      $0.publish(1)
      $0.notify(1)
      set($0, slot: 0, 14, 0x8000)
    },
    Break("reserved event flags", [.ringPacked], .badEventSuppression) {
      $0.memory.store(3 as UInt16, at: $0.model.queues[1].driverArea + 2)
    },
    Break("event not agreed on", [.ringPacked], .badEventSuppression) {
      $0.memory.store(2 as UInt16, at: $0.model.queues[1].driverArea + 2)
    },
    Break(
      "event behind the ring",
      [.ringPacked, .eventIdx],
      .badEventSuppression
    ) {
      $0.memory.store(0x8008 as UInt16, at: $0.model.queues[1].driverArea)
      $0.memory.store(2 as UInt16, at: $0.model.queues[1].driverArea + 2)
    },
  ]

  @Test(arguments: both + split + packed)
  func ruleBroken_isObjectedTo(_ rule: Break) {
    let driver = HandDriver(rule.features)
    driver.start(size: 8)
    #expect(driver.violations == [])
    rule.act(driver)
    driver.publish(1)
    driver.notify(1)
    #expect(driver.violations.contains(rule.expected))
  }

  /// The places that the table above changes do no harm by themselves.
  @Test(arguments: [
    [FeatureBit.indirectDesc], [.indirectDesc, .ringPacked],
  ])
  func ruleKept_isNotObjectedTo(_ features: [FeatureBit]) {
    let driver = HandDriver(features)
    driver.start(size: 8)
    Self.table(driver)
    driver.publish(1)
    driver.notify(1)
    driver.post(1, Self.good(driver) + Self.good(driver))
    #expect(driver.violations == [])
    #expect(driver.model.sent.count == 2)
  }
}
