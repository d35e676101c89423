/// Status, features and vectors. VIRTIO 1.2 §2.1, §2.2, §3.1.1, §4.1.5.1.2.
extension NetworkDeviceModel {
  // MARK: Status

  func readStatus() -> UInt8 {
    if isResetting {
      checkMemory()
      guard let reads = build.resetReads, resetReadsDone >= reads else {
        resetReadsDone += 1
        return status | 0x40
      }
      finishReset()
    }
    mustReadFeaturesOK = false
    return status
  }

  func checkMemory() {
    if let freePackets, freePackets() > freePacketsBeforeReset {
      object(.memoryTakenBack)
    }
  }

  private func finishReset() {
    isResetting = false
    hasBeenReset = true
    status = 0
    accepted = 0
    interruptStatus = 0
    configurationVector = 0xFFFF
    unreadVectors = []
    featuresRefused = false
    for index in queues.indices { queues[index].reset() }
    control = ControlState()
    control.macAddress = permanentAddress
    unanswered = []
    flows = FlowTable()
    coalesced = [:]
    completion.forget()
  }

  func writeStatus(_ new: UInt8) {
    if new == 0 {
      isResetting = true
      resetReadsDone = 0
      freePacketsBeforeReset = freePackets?() ?? 0
      mustReadFeaturesOK = false
      return
    }
    if isResetting { return object(.resetNotAwaited) }
    // FAILED may come at any time, also when the reset did not help.
    guard new & 0x80 == 0 else {
      status |= 0x80
      return
    }
    guard hasBeenReset else { return object(.notReset) }
    if status & 0x80 != 0 { return object(.usedAfterFailed) }
    if status & ~new & ~0x40 != 0 { object(.statusBitCleared) }
    let isModern = isModernDriver || new & 8 != 0 || !build.isLegacy
    if new & 2 != 0, status & 1 == 0 { object(.statusOutOfOrder) }
    if new & 8 != 0, status & 2 == 0 { object(.statusOutOfOrder) }
    let becomesReady = new & 4 != 0 && status & 4 == 0
    if becomesReady { checkReady(isModern: isModern) }
    var kept = new | status & 0x40
    if new & 8 != 0, status & 8 == 0 {
      mustReadFeaturesOK = true
      checkFeatures()
      if build.refusesFeatures || featuresRefused {
        featuresRefused = true
        kept &= ~8
      }
    }
    status = kept
    if becomesReady { start() }
  }

  private func checkReady(isModern: Bool) {
    if isModern ? status & 8 == 0 : status & 2 == 0 {
      object(featuresRefused ? .refusedFeaturesUsed : .statusOutOfOrder)
    }
    if mustReadFeaturesOK { object(.featuresNotReadBack) }
    if !unreadVectors.isEmpty { object(.vectorNotReadBack) }
    // §5.1.2: the first pair, and the control queue where there is one.
    var needed = [0, 1]
    if let controlIndex { needed.append(controlIndex) }
    if needed.contains(where: { !isEnabled($0) }) { object(.queueMissing) }
    if let controlIndex, isEnabled(controlIndex),
      queues[controlIndex].publishedEnd(memory) > 0
    {
      object(.commandTooEarly)
    }
  }

  private func start() {
    control.offloads = accepted & ControlState.offloadBits
    for index in queues.indices where queues[index].isEnabled {
      queues[index].arm(memory)
    }
  }

  func isEnabled(_ queue: Int) -> Bool {
    queues.indices.contains(queue) && queues[queue].isEnabled
  }

  // MARK: Features

  func accept(_ bits: UInt64, half: UInt32? = nil) {
    if status & 2 == 0 { object(.statusOutOfOrder) }
    if status & 0xC != 0 || !hasBeenReset { object(.featuresAfterAgreement) }
    let mask: UInt64 = half.map { 0xFFFF_FFFF << UInt64(32 * $0) } ?? .max
    accepted = accepted & ~mask | bits & mask
    if accepted & ~offered(isModern: half != nil) != 0 {
      object(.featureNotOffered)
      featuresRefused = true
    }
    // A legacy driver sets them at once, and has no FEATURES_OK.
    if half == nil { checkFeatures() }
  }

  /// Checks the whole set. §5.1.3.1, §6.
  private func checkFeatures() {
    if !FeatureBit.unmet(accepted).isEmpty { object(.featureDependency) }
    // §6: bits from 32 on are for those who know the standard.
    if !isModernDriver, accepted >> 33 != 0 { object(.featureDependency) }
    if !build.isLegacy, !isModernDriver { featuresRefused = true }
  }

  /// A transitional device offers legacy drivers ANY_LAYOUT, and modern ones
  /// VERSION_1.
  func offered(isModern: Bool) -> UInt64 {
    isModern ? build.offered & ~(1 << 27) : build.offered & 0xFFFF_FFFF
  }

  // MARK: Vectors

  /// Sets a vector; the register keeps FFFFh when there is none left.
  func setVector(_ vector: UInt16, queue: Int?) {
    if !isMSIXEnabled || vector >= build.tableSize && vector != 0xFFFF {
      object(.vectorOutOfTable)
    }
    let kept = vector < build.vectors ? vector : 0xFFFF
    unreadVectors.insert(queue ?? -1)
    if let queue {
      queues[queue].vector = kept
    } else {
      configurationVector = kept
    }
  }

  func readVector(queue: Int?) -> UInt16 {
    unreadVectors.remove(queue ?? -1)
    return queue.map { queues[$0].vector } ?? configurationVector
  }
}
