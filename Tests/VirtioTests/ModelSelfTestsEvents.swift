import PCIModel
import Testing

/// When the model interrupts and wants to be notified, and that it notices
/// what it was not told. VIRTIO 1.2 §2.7.7, §2.7.10, §2.8.14, §2.9.
@Suite struct ModelSelfTestsEvents {
  private func send(_ driver: HandDriver, _ count: Int = 1) {
    let body = driver.store([UInt8](repeating: 0, count: 26))
    for _ in 0..<count { driver.add(1, [.read(body, 26)]) }
    driver.publish(1)
  }

  private func takeAll(_ driver: HandDriver) {
    while driver.takeUsed(1) != nil {}
  }

  /// As if so many chains had come and gone on queue 1.
  private func skip(_ driver: HandDriver, to position: Int) {
    driver.model.queues[1].seen = position
    driver.model.queues[1].used = position
    driver.model.queues[1].signalled = position
    driver.model.queues[1].notified = position
    driver.rings[1]?.skip(to: position)
    driver.publish(1)
    driver.model.queues[1].publishUsedIndex(driver.memory)
    driver.model.queues[1].arm(driver.memory)
  }

  // MARK: Interrupts

  @Test(arguments: [[], [FeatureBit.ringPacked]])
  func flag_decidesOnInterrupts(_ features: [FeatureBit]) {
    let driver = HandDriver(features)
    driver.start(size: 8)
    let area = driver.model.queues[1].driverArea
    let flags = area + (features.isEmpty ? 0 : 2)
    send(driver)
    driver.notify(1)
    #expect(driver.model.interrupts.count == 1)
    driver.memory.store(1 as UInt16, at: flags)
    send(driver)
    driver.notify(1)
    #expect(driver.model.interrupts.count == 1)
    #expect(driver.violations == [])
  }

  /// Exactly at the index, also where it wraps.
  @Test(arguments: [0, 0xFF80])
  func usedEvent_interruptsThereAndOnlyThere(_ first: Int) {
    let driver = HandDriver([.eventIdx])
    driver.start(size: 8)
    skip(driver, to: first)
    let event = driver.model.queues[1].usedEventAddress
    let body = driver.store([UInt8](repeating: 0, count: 26))
    var expected = 0
    for number in first..<first + 0x100 {
      // Every third, and those round the end of 16 bits.
      let isWanted = number % 3 == 0 || (0xFFF0..<0x1_0010).contains(number)
      let index = isWanted ? number : number + 100
      driver.memory.store(UInt16(truncatingIfNeeded: index), at: event)
      if isWanted { expected += 1 }
      let known = driver.model.interrupts.count
      driver.post(1, [.read(body, 26)])
      if driver.model.interrupts.count != known + (isWanted ? 1 : 0) {
        Issue.record("at \(number)")
        return
      }
      takeAll(driver)
    }
    #expect(driver.model.interrupts.count == expected)
    #expect(driver.violations == [])
  }

  /// One interrupt for a burst that passes the index, none for one before it.
  @Test(arguments: [[], [FeatureBit.ringPacked]])
  func usedEvent_withinABurst(_ features: [FeatureBit]) {
    let driver = HandDriver(features + [.eventIdx])
    driver.start(size: 16)
    let queue = driver.model.queues[1]
    if features.isEmpty {
      driver.memory.store(6 as UInt16, at: queue.usedEventAddress)
    } else {
      driver.memory.store(0x8006 as UInt16, at: queue.driverArea)
      driver.memory.store(2 as UInt16, at: queue.driverArea + 2)
    }
    send(driver, 5)
    driver.notify(1)
    #expect(driver.model.interrupts.count == 0)
    send(driver, 5)
    driver.notify(1)
    #expect(driver.model.interrupts.count == 1)
    send(driver, 5)
    driver.notify(1)
    #expect(driver.model.interrupts.count == 1)
    #expect(driver.violations == [])
  }

  /// §2.8.14: the same place in the next round is another one.
  @Test func packedEvent_needsTheWrapCounter() {
    let driver = HandDriver([.ringPacked, .eventIdx])
    driver.start(size: 4)
    let area = driver.model.queues[1].driverArea
    driver.memory.store(0x0001 as UInt16, at: area)
    driver.memory.store(2 as UInt16, at: area + 2)
    for number in 0..<8 {
      send(driver)
      driver.notify(1)
      takeAll(driver)
      #expect(driver.model.interrupts.count == (number < 5 ? 0 : 1))
    }
    #expect(driver.violations == [])
  }

  // MARK: Notifications

  static let forms: [[FeatureBit]] = [
    [], [.eventIdx], [.ringPacked], [.ringPacked, .eventIdx],
  ]

  @Test(arguments: forms)
  func publishedAndNotNotified_isOwed(_ features: [FeatureBit]) {
    let driver = HandDriver(features)
    driver.start(size: 8)
    #expect(driver.model.owedNotifications == [])
    send(driver)
    #expect(driver.model.owedNotifications == [1])
    driver.notify(1)
    #expect(driver.model.owedNotifications == [])
    #expect(driver.model.unneededNotifications == [:])
    // A device that sleeps does not see it.
    driver.model.looksOnlyWhenNotified = true
    send(driver)
    driver.model.send()
    #expect(driver.model.sent.count == 1)
    // One that looks by itself counts it.
    driver.model.looksOnlyWhenNotified = false
    driver.model.send()
    #expect(driver.model.sent.count == 2)
    #expect(driver.model.foundUnnotified == [1: 1])
    #expect(driver.model.owedNotifications == [])
  }

  @Test(arguments: forms)
  func suppressed_isNotOwed_andUnneeded(_ features: [FeatureBit]) {
    let driver = HandDriver(features)
    driver.start(size: 8)
    driver.model.suppressNotifications(true, queue: 1)
    send(driver)
    #expect(driver.model.owedNotifications == [])
    driver.notify(1)
    #expect(driver.model.unneededNotifications == [1: 1])
    driver.model.suppressNotifications(false, queue: 1)
    #expect(driver.model.owedNotifications == [])
    send(driver)
    #expect(driver.model.owedNotifications == [1])
    driver.notify(1)
    #expect(driver.model.unneededNotifications == [1: 1])
    #expect(driver.violations == [])
  }

  /// A device that wants to hear of the third only, many rounds long.
  @Test(arguments: [[], [FeatureBit.ringPacked]])
  func availableEvent_isOwedThereAndOnlyThere(_ features: [FeatureBit]) {
    let driver = HandDriver(features + [.eventIdx])
    driver.start(size: 7 + (features.isEmpty ? 1 : 0))
    driver.model.notify(after: 2, queue: 1)
    for _ in 0..<20 {
      send(driver)
      #expect(driver.model.owedNotifications == [])
      send(driver)
      #expect(driver.model.owedNotifications == [])
      send(driver)
      #expect(driver.model.owedNotifications == [1])
      driver.notify(1)
      takeAll(driver)
    }
    #expect(driver.model.unneededNotifications == [:])
    #expect(driver.model.sent.count == 60)
    #expect(driver.violations == [])
  }

  /// Nothing has come since the last one.
  @Test(arguments: forms)
  func notifiedTwice_isUnneeded(_ features: [FeatureBit]) {
    let driver = HandDriver(features)
    driver.start(size: 8)
    send(driver)
    driver.notify(1)
    driver.notify(1)
    #expect(driver.model.unneededNotifications == [1: 1])
    #expect(driver.violations == [])
  }

  /// A stalled queue notes the notification and does nothing.
  @Test func stalled_doesNothing_andGoesOn() {
    let driver = HandDriver([])
    driver.start(size: 8)
    driver.model.stalled = [1]
    send(driver)
    driver.notify(1)
    driver.model.send()
    #expect(driver.model.sent == [])
    #expect(driver.model.owedNotifications == [])
    driver.model.stalled = []
    driver.model.send()
    #expect(driver.model.sent.count == 1)
    #expect(driver.model.foundUnnotified == [:])
  }

  // MARK: Notification data, §2.9

  @Test(arguments: [[], [FeatureBit.ringPacked]])
  func notificationData_isChecked(_ features: [FeatureBit]) {
    let driver = HandDriver(features + [.notificationData])
    driver.start(size: 4)
    for _ in 0..<10 {
      send(driver)
      driver.notify(1)
      takeAll(driver)
    }
    #expect(driver.violations == [])
    send(driver)
    driver.notify(1, data: 0x7777)
    #expect(driver.violations == [.wrongNotificationData])
  }

  @Test func notificationWidth_isChecked() {
    let driver = HandDriver([.notificationData])
    driver.start()
    driver.write(0x3000 + 4 * 2, 1)
    #expect(driver.violations == [.wrongWidth])
    let plain = HandDriver([])
    plain.start()
    plain.write(0x3000 + 4 * 2, 1, width: 4)
    #expect(plain.violations == [.wrongWidth])
  }
}
