/// A receive queue and the transmit queue that goes with it. VIRTIO 1.2 §5.1.2.
@usableFromInline
struct QueuePair: ~Copyable {
  /// Which pair it is, from 0 on.
  let index: UInt16
  var receive: Virtqueue
  var transmit: Virtqueue
  var receiveDoorbell: Doorbell?
  var transmitDoorbell: Doorbell?
  /// Whether an interrupt is wanted when there is room to send again.
  var wantsTransmitInterrupt = false
  var received = QueueCounters()
  var sent = QueueCounters()
  /// Packets taken back as sent: whether that moves on is how a stall shows.
  var completed: UInt64 = 0
  private var stall = StallWatch()

  /// Queues 2N and 2N + 1 of the device.
  var receiveIndex: UInt16 { 2 * index }
  var transmitIndex: UInt16 { 2 * index + 1 }

  /// Pair `index`, with queues as large as the device allows.
  ///
  /// - Parameter fewest: The descriptors that a frame takes at least.
  /// - Throws: `badQueue` when it has not both.
  static func make<T: Transport>(
    of transport: T,
    _ index: UInt16,
    _ format: QueueFormat,
    fewest: UInt16
  ) throws(VirtioError) -> QueuePair {
    QueuePair(
      index,
      try Virtqueue(of: transport, 2 * index, format, fewest: fewest),
      try Virtqueue(of: transport, 2 * index + 1, format, fewest: fewest)
    )
  }

  private init(
    _ index: UInt16,
    _ receive: consuming Virtqueue,
    _ transmit: consuming Virtqueue
  ) {
    self.index = index
    self.receive = receive
    self.transmit = transmit
  }

  /// Tells the device where both are.
  mutating func enable<T: Transport>(
    on transport: T,
    _ vectors: InterruptVectors?
  ) throws(VirtioError) {
    receiveDoorbell = try receive.enable(
      on: transport,
      receiveIndex,
      vector: vectors?.queue(receiveIndex)
    )
    transmitDoorbell = try transmit.enable(
      on: transport,
      transmitIndex,
      vector: vectors?.queue(transmitIndex)
    )
  }

  /// Whether notifications of both can say how far the driver is. §4.1.4.4.1.
  var doorbellsTakeData: Bool {
    receiveDoorbell?.takesData == true && transmitDoorbell?.takesData == true
  }

  /// Resets one of both, and gives the device a new one of `size` descriptors.
  /// Its interrupts are suppressed again.
  mutating func renew<T: Transport>(
    _ isReceive: Bool,
    _ size: UInt16,
    fewest: Int,
    on transport: T,
    _ settings: NetworkSettings
  ) throws(VirtioError) {
    guard isReceive else {
      let held = transmit.inFlightCount
      defer {
        sent.takenBack &+= UInt64(held - transmit.inFlightCount)
        wantsTransmitInterrupt = false
      }
      transmitDoorbell = try transmit.renew(
        on: transport,
        transmitIndex,
        size: size,
        fewest: fewest,
        vector: settings.vectors?.queue(transmitIndex)
      )
      return
    }
    let held = receive.inFlightCount
    defer { received.takenBack &+= UInt64(held - receive.inFlightCount) }
    receiveDoorbell = try receive.renew(
      on: transport,
      receiveIndex,
      size: size,
      fewest: fewest,
      vector: settings.vectors?.queue(receiveIndex)
    )
  }

  /// Whether the device has sent nothing of what it holds for a while; asked at
  /// a steady pace.
  mutating func isTransmitStalled() -> Bool {
    stall.isStalled(completed: completed, inFlight: transmit.inFlightCount)
  }

  /// Notes that the device has been reset.
  mutating func takeBack() {
    receive.takeBack()
    transmit.takeBack()
  }

  /// Drops the buffers that have come and were not taken, for the device is
  /// about to be reset.
  ///
  /// - Returns: How many they are, with the frames that were not sent.
  mutating func dropAll() -> Int {
    let unsent = transmit.inFlightCount
    var count = 0
    while receive.hasUsed, receive.takeUsed() != nil { count += 1 }
    received.dropped &+= UInt64(count)
    sent.dropped &+= UInt64(unsent)
    return count + unsent
  }

  /// Notes that nothing can be done with them any more, though the device may
  /// still use them.
  mutating func giveUp() {
    receive.giveUp()
    transmit.giveUp()
  }

  /// Whether a ring is not what it should be.
  var isBroken: Bool { receive.isBroken || transmit.isBroken }

  /// Lets the device see what was posted for sending, and notifies it if it
  /// wants that.
  mutating func flushTransmit<T: Transport>(_ transport: T, sendsData: Bool) {
    guard transmit.publish(), let transmitDoorbell else { return }
    sent.notifications &+= 1
    transport.notify(
      transmitIndex,
      transmitDoorbell,
      data: sendsData ? transmit.notificationData(transmitIndex) : nil
    )
  }

  /// Notifies the device of the receive queue.
  mutating func notifyReceive<T: Transport>(_ transport: T, sendsData: Bool) {
    guard let receiveDoorbell else { return }
    received.notifications &+= 1
    transport.notify(
      receiveIndex,
      receiveDoorbell,
      data: sendsData ? receive.notificationData(receiveIndex) : nil
    )
  }
}
