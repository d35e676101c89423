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

  /// Queues 2N and 2N + 1 of the device.
  var receiveIndex: UInt16 { 2 * index }
  var transmitIndex: UInt16 { 2 * index + 1 }

  /// Pair `index`, with queues as large as the device allows.
  ///
  /// - Throws: `badQueue` when it has not both.
  static func make<T: Transport>(
    of transport: T,
    _ index: UInt16,
    _ format: QueueFormat
  ) throws(VirtioError) -> QueuePair {
    QueuePair(
      index,
      try Virtqueue(of: transport, 2 * index, format),
      try Virtqueue(of: transport, 2 * index + 1, format)
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

  /// Notes that the device has been reset.
  mutating func takeBack() {
    receive.takeBack()
    transmit.takeBack()
  }

  /// Whether a ring is not what it should be.
  var isBroken: Bool { receive.isBroken || transmit.isBroken }

  /// Lets the device see what was posted, and notifies it if it wants that.
  mutating func flush<T: Transport>(_ transport: T, sendsData: Bool) {
    if receive.publish(), let receiveDoorbell {
      received.notifications &+= 1
      transport.notify(
        receiveIndex,
        receiveDoorbell,
        data: sendsData && receiveDoorbell.takesData
          ? receive.notificationData(receiveIndex) : nil
      )
    }
    if transmit.publish(), let transmitDoorbell {
      sent.notifications &+= 1
      transport.notify(
        transmitIndex,
        transmitDoorbell,
        data: sendsData && transmitDoorbell.takesData
          ? transmit.notificationData(transmitIndex) : nil
      )
    }
  }
}
