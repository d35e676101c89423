import PCIModel
import Testing

/// Features, configuration, resets and lies of the model. VIRTIO 1.2 §2.1,
/// §2.2, §2.6.1, §5.1.3.1, §5.1.4.
@Suite struct ModelSelfTestsLife {
  typealias Build = NetworkDeviceModel.Build

  // MARK: Features

  /// Each line of the table, without any and with one of what it needs.
  @Test func dependencies_areObjectedTo() {
    for (feature, needed) in FeatureBit.requirements {
      let alone = HandDriver([feature])
      alone.agree()
      #expect(alone.violations == [.featureDependency], "\(feature)")
      for other in needed {
        // What is needed may need something too.
        var all = [feature, other]
        while case let more = FeatureBit.unmet(
          all.reduce(0) { $0 | $1.mask }
        ).first, let more {
          all += FeatureBit.requirements.filter { $0.0 == more }
            .compactMap { $0.anyOf.first }
        }
        let met = HandDriver(all)
        met.agree()
        #expect(met.violations == [], "\(feature) with \(other)")
      }
    }
  }

  @Test func featuresAbove32_needVersion1() {
    let driver = HandDriver([.ringPacked])
    driver.agree(FeatureBit.ringPacked.mask)
    #expect(driver.violations == [.featureDependency])
  }

  // MARK: Queues

  @Test(
    arguments: [
      (false, 8, true), (false, 7, false), (false, 0, false), (true, 7, true),
      (true, 1, true), (true, 0, false), (true, 300, false),
      (false, 300, false),
    ] as [(Bool, UInt16, Bool)]
  )
  func sizes_areChecked(_ isPacked: Bool, _ size: UInt16, _ isGood: Bool) {
    let driver = HandDriver(isPacked ? [.ringPacked] : [])
    driver.agree()
    driver.enable(0, size: size)
    #expect(driver.violations == (isGood ? [] : [.badQueueSize]))
    #expect(driver.read(28) == (isGood ? 1 : 0))
  }

  @Test(arguments: [[], [FeatureBit.ringPacked]])
  func ringThatIsNotZero_isObjectedTo(_ features: [FeatureBit]) {
    let driver = HandDriver(features)
    driver.start(size: 4)
    driver.post(1, [.read(driver.store([UInt8](repeating: 0, count: 26)), 26)])
    let queue = driver.model.queues[1]
    driver.agree()
    driver.write(22, 1)
    driver.write(24, 4)
    let areas = [queue.descriptors, queue.driverArea, queue.deviceArea]
    for (index, area) in areas.enumerated() {
      driver.write(32 + 8 * index, UInt32(truncatingIfNeeded: area), width: 4)
      driver.write(36 + 8 * index, UInt32(area >> 32), width: 4)
    }
    driver.write(28, 1)
    #expect(driver.violations == [.queueNotZeroed])
  }

  // MARK: Reset of one queue

  @Test func queueReset_startsAgain_withAnotherSize() {
    let driver = HandDriver([.ringReset], Build(queueResetReads: 2))
    driver.start(size: 8)
    driver.fill(8)
    driver.write(22, 0)
    driver.write(58, 1)
    #expect(driver.read(58) == 1)
    #expect(!driver.model.deliver(frame(1)))
    #expect(driver.read(58) == 1)
    #expect(driver.read(58) == 0)
    #expect(driver.read(28) == 0)
    #expect(driver.read(24) == 256)
    #expect(driver.model.chainsInFlight(0) == 0)
    driver.enable(0, size: 16)
    driver.fill(16)
    #expect(driver.model.deliver(frame(2)))
    #expect(driver.receive()?.1 == frame(2))
    // The other queue has not noticed.
    driver.send(frame(3))
    #expect(driver.model.sent == [frame(3)])
    #expect(driver.violations == [])
  }

  @Test func queueReset_rules() {
    let without = HandDriver([])
    without.start()
    without.write(22, 0)
    without.write(58, 1)
    #expect(without.violations == [.queueResetNotNegotiated])

    let early = HandDriver([.ringReset])
    early.agree()
    early.enable(0)
    early.write(58, 1)
    #expect(early.violations == [.queueResetOutOfOrder])

    let driver = HandDriver([.ringReset])
    driver.start()
    driver.write(22, 0)
    driver.write(58, 0)
    #expect(driver.violations == [.queueResetOutOfOrder])
    driver.write(58, 1)
    driver.write(24, 8)
    #expect(driver.violations.last == .queueResetNotAwaited)
    driver.notify(0)
    #expect(driver.violations.last == .queueNotEnabled)
    // Twice.
    driver.write(58, 1)
    #expect(driver.violations.last == .queueResetOutOfOrder)
    // Memory that is taken back before it is over.
    var free = 0
    driver.model.freePackets = { free }
    free = 1
    _ = driver.read(58)
    #expect(driver.violations.last == .memoryTakenBack)
  }

  @Test func needsReset_stopsTheDevice_untilTheReset() {
    let driver = HandDriver([])
    driver.start(size: 8)
    driver.fill(2)
    driver.model.askForReset()
    #expect(driver.model.interrupts == [nil])
    #expect(driver.read(20, width: 1) == 0x4F)
    driver.send(frame(1))
    #expect(!driver.model.deliver(frame(1)))
    #expect(driver.model.sent == [])
    driver.start(size: 8)
    driver.send(frame(2))
    #expect(driver.model.sent == [frame(2)])
    #expect(driver.violations == [])
  }

  // MARK: Configuration

  @Test func configuration_hasEveryField() {
    let driver = HandDriver(
      [.ctrlVQ, .mq, .mtu, .speedDuplex, .rss, .status],
      Build(mtu: 1400, pairs: 3, speed: 2500, duplex: 0)
    )
    #expect(driver.read(0x2000, width: 1) == 0x52)
    #expect(driver.read(0x2006) == 1)
    #expect(driver.read(0x2008) == 3)
    #expect(driver.read(0x200A) == 1400)
    #expect(driver.read(0x200C, width: 4) == 2500)
    #expect(driver.read(0x2010, width: 1) == 0)
    #expect(driver.read(0x2011, width: 1) == 40)
    #expect(driver.read(0x2012) == 128)
    #expect(driver.read(0x2014, width: 4) == 0x1FF)
    driver.model.changeSpeed(.max, duplex: 0xFF)
    #expect(driver.read(0x200C, width: 4) == .max)
    #expect(driver.violations == [])
    _ = driver.read(0x200C, width: 2)
    #expect(driver.violations == [.wrongWidth])
    let plain = HandDriver([])
    _ = plain.read(0x200C, width: 4)
    #expect(plain.violations.allSatisfy { $0 == .configurationNotOffered })
    #expect(plain.violations.count == 4)
  }

  // MARK: Buffers

  /// The audit finds what is in two queues at once.
  @Test func audit_findsWhatIsShared() {
    let driver = HandDriver([.ctrlVQ, .mq], Build(pairs: 2))
    driver.start(size: 8)
    let body = driver.allocate(1600)
    driver.post(0, [.write(body, 1600)])
    #expect(driver.model.auditBuffers() == [])
    #expect(driver.model.bytesWithDevice == [body..<body + 1600])
    driver.post(2, [.write(body + 1599, 1526)])
    #expect(driver.model.auditBuffers() == [.shared(body + 1599)])
  }
}
