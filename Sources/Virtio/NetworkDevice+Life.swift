import Packets

/// How a device begins, ends, and begins again. VIRTIO 1.2 §3.
extension NetworkDevice {
  /// Starts the device: resets it, agrees on features, gives it its queues and
  /// packets to receive into. §3.1.1.
  ///
  /// A device that was started is to be ended by ``stop()``: without that, what
  /// it was given stays with it and is lost.
  ///
  /// - Parameters:
  ///   - memory: The buffers of a device that is gone.
  ///   - use: Whether other ones may be made.
  /// - Throws: Why it cannot be driven; it has been told so (FAILED) and is
  ///   left alone.
  public static func start(
    _ transport: T,
    _ settings: NetworkSettings,
    reusing memory: ReceiveMemory? = nil,
    _ use: ReceiveMemory.Use = .ifItFits
  ) throws(VirtioError) -> NetworkDevice {
    try start(transport, settings, memory, use, ControlWishes())
  }

  private static func start(
    _ transport: T,
    _ settings: NetworkSettings,
    _ memory: ReceiveMemory?,
    _ use: ReceiveMemory.Use,
    _ wishes: ControlWishes
  ) throws(VirtioError) -> NetworkDevice {
    do throws(VirtioError) {
      // Steps 1 to 3.
      try transport.reset()
      transport.status = [.acknowledge]
      transport.status = [.acknowledge, .driver]
      // Steps 4 to 6.
      let (features, plan) = try FeatureNegotiation.negotiate(
        transport,
        settings,
        use == .always ? memory?.plan : nil
      )
      let old = memory?.plan == plan ? memory?.pool : nil
      let pairs = try makePairs(transport, settings, features)
      guard pairs.haveRoom(for: plan.fewestBuffers(features), features) else {
        // Only what is smaller than its queues.
        var settings = settings
        settings.without.formUnion(.guestSegmentation)
        return try start(transport, settings, memory, use, wishes)
      }
      var device = NetworkDevice(
        transport,
        features,
        settings,
        plan,
        old ?? PacketPool(capacity: plan.slotCount, slotSize: plan.slotSize),
        pairs,
        try makeControl(transport, settings, features)
      )
      // Step 7.
      try device.enableQueues()
      // Step 8. Packets are posted after it only because a notification must
      // not come before it.
      transport.status = transport.status.union(.driverOK)
      device.tellWishes(wishes)
      device.refill()
      device.flush()
      return device
    } catch {
      transport.status = transport.status.union(.failed)
      throw error
    }
  }

  private static func makePairs(
    _ transport: T,
    _ settings: NetworkSettings,
    _ features: Features
  ) throws(VirtioError) -> QueuePairs {
    let format = QueueFormat(features)
    let fewest: UInt16 = PacketHeader.isSplitOff(features) ? 2 : 1
    let count = NetworkConfiguration(transport: transport)
      .pairs(features, settings)
    var pairs = QueuePairs(capacity: count)
    for index in 0..<count {
      pairs.append(
        try QueuePair.make(
          of: transport,
          UInt16(index),
          format,
          fewest: fewest
        )
      )
    }
    return pairs
  }

  private static func makeControl(
    _ transport: T,
    _ settings: NetworkSettings,
    _ features: Features
  ) throws(VirtioError) -> ControlQueue? {
    guard features.contains(.ctrlVQ) else { return nil }
    return try ControlQueue.make(
      of: transport,
      try NetworkConfiguration(transport: transport).controlIndex(features),
      features,
      mostReads: settings.controlReads
    )
  }

  /// Tells the device where its queues are and how it may interrupt. When that
  /// fails the device is reset, so that it uses none of them.
  private mutating func enableQueues() throws(VirtioError) {
    do throws(VirtioError) {
      if let vectors = settings.vectors {
        try transport.setConfigurationVector(vectors.configuration)
      }
      for index in pairs.indices {
        try pairs[index].enable(on: transport, settings.vectors)
        // §2.9: 32 bits or nothing.
        guard !sendsNotificationData || pairs[index].doorbellsTakeData else {
          throw VirtioError.badQueue
        }
      }
      try control?.enable(on: transport)
    } catch {
      try halt()
      throw error
    }
  }

  /// Resets the device and takes its queues back. When the device does not come
  /// to rest, what it holds is never used again, nor is the pool it came from.
  private mutating func halt() throws(VirtioError) {
    do throws(VirtioError) {
      try transport.reset()
    } catch {
      // SAFETY: One reference too many is never a dangling one.
      _ = unsafe Unmanaged.passRetained(receivePool)
      for index in pairs.indices { pairs[index].giveUp() }
      control?.giveUp()
      throw error
    }
    for index in pairs.indices { pairs[index].takeBack() }
    control?.takeBack()
  }

  /// The buffers that it receives into.
  public var receiveMemory: ReceiveMemory {
    ReceiveMemory(plan: plan, pool: receivePool)
  }

  /// Stops the device for good: what it held is back in its pools afterwards.
  ///
  /// - Throws: `resetFailed` when the device does not come to rest; then what
  ///   it held is lost, for it may still write there.
  public consuming func stop() throws(VirtioError) {
    try halt()
  }

  /// Resets the device and starts it again, as when it ``needsReset`` or does
  /// not send any more. What it held is lost, and counted; its address
  /// and what was counted stay.
  ///
  /// - Throws: Why it cannot be driven any more; nothing comes from it then,
  ///   and it takes nothing.
  public mutating func restart() throws(VirtioError) {
    let muteStarts = control?.isMute == true ? muteStarts + 1 : 0
    // What was sent was sent.
    reclaim()
    for index in pairs.indices {
      counters.lostToResets &+= UInt64(pairs[index].dropAll())
    }
    try halt()
    var settings = settings
    // A device that never answers is not asked again at each start, which would
    // wait for it.
    if muteStarts >= VirtioLimits.muteStarts {
      settings.without.insert(.ctrlVQ)
    }
    // The interface is known by its address, whatever the device says by now.
    var wishes = wishes
    wishes.macAddressBits = macAddressBits
    // The buffers are the same, so that those in the app's hands have their
    // pool; features that they do not allow are left out.
    var device = try Self.start(
      transport,
      settings,
      receiveMemory,
      .always,
      wishes
    )
    device.counters.add(counters)
    device.counters.restarts &+= 1
    device.earlierControl = controlCounters
    device.muteStarts = muteStarts
    device.earlierReceived = earlierReceived
    device.earlierSent = earlierSent
    for index in pairs.indices {
      let (received, sent) = (pairs[index].received, pairs[index].sent)
      if index < device.pairs.count {
        device.pairs[index].received.add(received)
        device.pairs[index].sent.add(sent)
      } else {
        device.earlierReceived.add(received)
        device.earlierSent.add(sent)
      }
    }
    self = device
  }

  /// Whether the device says, or its rings show, that only a reset helps.
  /// §2.1.2. Reads a register.
  public var needsReset: Bool {
    isBroken || transport.status.contains(.needsReset)
  }

  /// Whether the device has sent nothing of what one of its queues holds for a
  /// while. To be asked at a steady pace, about once a second.
  public mutating func isTransmitStalled() -> Bool {
    var isStalled = false
    for index in pairs.indices where pairs[index].isTransmitStalled() {
      isStalled = true
    }
    return isStalled
  }
}
