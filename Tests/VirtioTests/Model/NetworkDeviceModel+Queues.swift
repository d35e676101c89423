/// What the driver does with the queues. VIRTIO 1.2 §2.6, §2.7, §2.8, §4.1.5.
extension NetworkDeviceModel {
  var selected: Int? {
    Int(queueSelect) < queues.count ? Int(queueSelect) : nil
  }

  var ringRules: DeviceQueue.Rules {
    DeviceQueue.Rules(
      isPacked: has(.ringPacked),
      hasIndirect: has(.indirectDesc),
      hasEventIndex: has(.eventIdx),
      isInOrder: has(.inOrder)
    )
  }

  /// Notes what is wrong with changing the selected queue now.
  func checkQueueChange(isModern: Bool) {
    if isModern ? status & 8 == 0 : status & 2 == 0 { object(.queueOutOfOrder) }
    if mustReadFeaturesOK { object(.featuresNotReadBack) }
    guard let selected else { return object(.noSuchQueue) }
    if queues[selected].isResetting { return object(.queueResetNotAwaited) }
    // §2.6.1: after a reset of its own a queue is set up again while running.
    if status & 4 != 0, !queues[selected].hasBeenReset {
      object(.queueOutOfOrder)
    }
    if queues[selected].isEnabled { object(.queueChangedWhileEnabled) }
  }

  func enableSelected() {
    guard let selected else { return object(.noSuchQueue) }
    queues[selected].rules = ringRules
    let queue = queues[selected]
    let size = queue.size
    // §2.7: a power of two. §2.8.10.1: any size.
    let isPower = size & (size &- 1) == 0
    if size == 0 || size > 0x8000 || size > queue.largestSize
      || !(isPower || queue.rules.isPacked)
    {
      return object(.badQueueSize)
    }
    let (driver, device): (UInt64, UInt64) =
      queue.rules.isPacked
      ? (4, 4) : (2, 4)
    if queue.descriptors % 16 != 0 || queue.driverArea % driver != 0
      || queue.deviceArea % device != 0
    {
      object(.misalignedQueue)
    }
    let sizes = queue.areaSizes
    guard memory.contains(queue.descriptors, sizes.descriptors),
      memory.contains(queue.driverArea, sizes.driver),
      memory.contains(queue.deviceArea, sizes.device)
    else { return object(.queueNotInMemory) }
    if !isZeroed(queue) { object(.queueNotZeroed) }
    queues[selected].isEnabled = true
    queues[selected].hasBeenReset = false
    if isRunning { queues[selected].arm(memory) }
  }

  /// §2.7.6, §2.7.8, §2.7.10.1: indices and flags begin at 0. §2.8.13: so do
  /// all descriptors of a packed ring.
  private func isZeroed(_ queue: DeviceQueue) -> Bool {
    let places: [(UInt64, Int)] =
      queue.rules.isPacked
      ? [
        (queue.descriptors, queue.areaSizes.descriptors), (queue.deviceArea, 4),
      ]
      : [(queue.driverArea + 2, 2), (queue.deviceArea, 4)]
    return places.allSatisfy { address, count in
      memory.read(address, count)?.allSatisfy { $0 == 0 } ?? false
    }
  }

  // MARK: Reset of one queue, §2.6.1, §4.1.4.3

  func writeQueueReset(_ value: UInt16) {
    guard let selected else { return object(.noSuchQueue) }
    guard has(.ringReset) else { return object(.queueResetNotNegotiated) }
    // §2.6.1.2: 1 to reset, never 0; what is enabled and running.
    guard value == 1, status & 4 != 0, queues[selected].isEnabled else {
      return object(.queueResetOutOfOrder)
    }
    queues[selected].isEnabled = false
    queues[selected].isResetting = true
    queues[selected].resetReadsDone = 0
    freePacketsBeforeReset = freePackets?() ?? 0
  }

  /// Reads 1 until the reset has come to its end.
  func readQueueReset() -> UInt16 {
    guard has(.ringReset), let selected, queues[selected].isResetting else {
      return 0
    }
    checkMemory()
    guard let reads = build.queueResetReads,
      queues[selected].resetReadsDone >= reads
    else {
      queues[selected].resetReadsDone += 1
      return 1
    }
    // §2.6.1.1: everything as at first.
    queues[selected].reset()
    queues[selected].hasBeenReset = true
    completion.forget(selected)
    coalesced[selected] = nil
    return 0
  }

  // MARK: Notifications

  /// The driver notifies; `data` is what it says of the ring. §2.9.
  func notify(_ index: UInt32, data: UInt16? = nil) {
    guard index < UInt32(queues.count) else { return object(.noSuchQueue) }
    let queue = Int(index)
    notifications[queue, default: 0] += 1
    guard status & 4 != 0, !isResetting else {
      return object(.notifiedTooEarly)
    }
    guard isRunning else { return }
    guard queues[queue].isEnabled else { return object(.queueNotEnabled) }
    guard !stalled.contains(queue) else {
      _ = queues[queue].noteNotification(memory)
      return
    }
    let known = violations.count
    look(queue, isNotified: true)
    if let data, violations.count == known,
      data != queues[queue].notificationData(memory)
    {
      object(.wrongNotificationData)
    }
    if queue == controlIndex {
      answerCommands()
    } else if !isReceive(queue), sendsAtOnce {
      send(queue: queue)
    }
  }

  /// Looks what the driver has made available.
  func look(_ index: Int) { look(index, isNotified: false) }

  private func look(_ index: Int, isNotified: Bool) {
    guard queues.indices.contains(index), queues[index].isEnabled,
      !stalled.contains(index), isNotified || !looksOnlyWhenNotified
    else { return }
    if command & 4 == 0 { object(.notBusMaster) }
    beforeLooking?(self)
    if isNotified {
      if !queues[index].noteNotification(memory) {
        unneededNotifications[index, default: 0] += 1
      }
    } else if queues[index].owesNotification(memory) {
      foundUnnotified[index, default: 0] += 1
    }
    var found: [Violation] = []
    let known = queues[index].countSeen
    queues[index].look(memory) { found.append($0) }
    for chain in queues[index].waiting where chain.number >= known {
      found += objections(to: chain, queue: index)
    }
    found.forEach(object)
  }

  /// What is wrong with a chain on this queue. §5.1.6.
  private func objections(
    to chain: DeviceQueue.Chain,
    queue: Int
  ) -> [Violation] {
    if queue == controlIndex { return [] }
    var found: [Violation] = []
    if chain.parts.contains(where: { $0.isWritable != isReceive(queue) }) {
      found.append(.wrongDirection)
    }
    if needsOwnHeader, chain.parts.first?.length != headerSize {
      found.append(.headerNotSeparate)
    }
    if isReceive(queue), chain.length < smallestReceiveBuffer {
      found.append(.receiveBufferTooSmall)
    }
    return found
  }

  /// §2.7.4: a legacy driver without ANY_LAYOUT.
  private var needsOwnHeader: Bool { !isModernDriver && !has(.anyLayout) }

  /// Queues whose driver should have notified and has not. §2.7.10, §2.8.21.3.
  var owedNotifications: [Int] {
    queues.indices.filter {
      queues[$0].isEnabled && queues[$0].owesNotification(memory)
    }
  }

  /// Asks the driver not to notify, or to do so again. §2.7.10.
  func suppressNotifications(_ isSuppressed: Bool, queue: Int) {
    queues[queue].suppress(isSuppressed, memory)
  }

  /// Wants a notification only when more chains than these have come.
  func notify(after count: Int, queue: Int) {
    queues[queue].notifyAfter = count
    queues[queue].arm(memory)
  }
}
