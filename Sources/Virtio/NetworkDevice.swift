import Packets

/// A virtio network device: frames in, frames out. VIRTIO 1.2 §5.1.
///
///     pool → post → device fills → takeUsed → header off → receive()
///     transmit(_:) → header on → post → device sends → takeUsed → pool
///
/// A frame is in one slot of the pool all the way, behind its packet header, so
/// that nothing is copied and nothing allocated. The driver's calls are made
/// from one loop; a notification is written at most once a ``flush()``.
public struct NetworkDevice<T: Transport>: ~Copyable {
  /// §5.1.2.
  private enum QueueIndex {
    static var receive: UInt16 { 0 }
    static var transmit: UInt16 { 1 }
  }

  /// An Ethernet header is the least that a frame has.
  private static var smallestFrame: Int { 14 }
  /// The headroom that a frame needs for ``transmit(_:)``. Frames that
  /// ``receive()`` gives have more, so that an answer can be written in place;
  /// the IP header behind theirs is at a multiple of 64.
  public static var headroom: Int { 12 }
  private static var receiveHeadroom: Int { 64 - smallestFrame }

  /// How the device is driven.
  public let transport: T
  /// The features that driver and device agreed on.
  public let features: Features
  /// The interface's address, first octet most significant.
  public let macAddressBits: UInt64
  /// The largest IP packet that the device passes on, if it says.
  public let mtu: Int?
  /// What happened so far.
  public private(set) var counters = NetworkCounters()

  private let pool: PacketPool
  private let vectors: InterruptVectors?
  private let headerSize: Int
  /// Whether the header must have a descriptor of its own. §2.7.4.
  private let splitsHeader: Bool
  /// The packets that the device is given to receive into.
  private let mostReceivePackets: Int
  private var receiveQueue: SplitQueue
  private var transmitQueue: SplitQueue
  private var receiveDoorbell: Doorbell?
  private var transmitDoorbell: Doorbell?
  private var wantsTransmitInterrupt = false

  // MARK: Life

  /// Starts the device: resets it, agrees on features, gives it its queues and
  /// packets to receive into. §3.1.1.
  ///
  /// A device that was started is to be ended by ``stop()``: without that, what
  /// it was given stays with it and is lost.
  ///
  /// - Parameters:
  ///   - transport: How to reach it.
  ///   - pool: Where packets to receive into come from.
  ///   - randomBits: For an address, should the device have none.
  ///   - vectors: Its entries of the MSI-X table; `nil`: it pulls its line.
  /// - Throws: Why it cannot be driven; it has been told so (FAILED) and is
  ///   left alone.
  public static func start(
    _ transport: T,
    pool: PacketPool,
    randomBits: UInt64,
    vectors: InterruptVectors?
  ) throws(VirtioError) -> NetworkDevice {
    do throws(VirtioError) {
      // Steps 1 to 3.
      try transport.reset()
      transport.status = [.acknowledge]
      transport.status = [.acknowledge, .driver]
      // Steps 4 to 6.
      let features = try FeatureNegotiation.negotiate(transport)
      var device = NetworkDevice(
        transport,
        pool,
        features,
        randomBits,
        vectors,
        try SplitQueue(of: transport, QueueIndex.receive),
        try SplitQueue(of: transport, QueueIndex.transmit)
      )
      // Step 7.
      try device.enableQueues()
      // Step 8. Packets are posted after it only because a notification must
      // not come before it.
      transport.status = transport.status.union(.driverOK)
      device.refill()
      device.flush()
      return device
    } catch {
      transport.status = transport.status.union(.failed)
      throw error
    }
  }

  private init(
    _ transport: T,
    _ pool: PacketPool,
    _ features: Features,
    _ randomBits: UInt64,
    _ vectors: InterruptVectors?,
    _ receiveQueue: consuming SplitQueue,
    _ transmitQueue: consuming SplitQueue
  ) {
    let configuration = NetworkConfiguration(transport: transport)
    self.transport = transport
    self.pool = pool
    self.features = features
    self.vectors = vectors
    macAddressBits =
      features.contains(.mac)
      ? configuration.macAddressBits
      : NetworkConfiguration<T>.localAddressBits(randomBits)
    mtu = features.contains(.mtu) ? configuration.mtu : nil
    headerSize = PacketHeader.size(features)
    splitsHeader =
      !features.contains(.version1) && !features.contains(.anyLayout)
    mostReceivePackets = min(
      VirtioLimits.receivePackets,
      max(1, pool.capacity * VirtioLimits.receivePercentOfPool / 100)
    )
    self.receiveQueue = receiveQueue
    self.transmitQueue = transmitQueue
  }

  /// Tells the device where its queues are and how it may interrupt. When that
  /// fails the device is reset, so that it uses none of them.
  private mutating func enableQueues() throws(VirtioError) {
    do throws(VirtioError) {
      if let vectors {
        try transport.setConfigurationVector(vectors.configuration)
      }
      receiveDoorbell = try receiveQueue.enable(
        on: transport,
        QueueIndex.receive,
        vector: vectors?.queue(QueueIndex.receive)
      )
      transmitDoorbell = try transmitQueue.enable(
        on: transport,
        QueueIndex.transmit,
        vector: vectors?.queue(QueueIndex.transmit)
      )
    } catch {
      try halt()
      throw error
    }
  }

  /// Resets the device and takes its queues back.
  private mutating func halt() throws(VirtioError) {
    try transport.reset()
    receiveQueue.takeBack()
    transmitQueue.takeBack()
  }

  /// Stops the device for good: what it held is back in the pool afterwards.
  ///
  /// - Throws: `resetFailed` when the device does not come to rest; then what
  ///   it held is lost, for it may still write there.
  public consuming func stop() throws(VirtioError) {
    try halt()
  }

  /// Resets the device and starts it again, as when it ``needsReset``. Frames
  /// that it held are lost; its address and what was counted stay.
  ///
  /// - Throws: Why it cannot be driven any more; nothing comes from it then,
  ///   and it takes nothing.
  public mutating func restart() throws(VirtioError) {
    try halt()
    // Its own address for random bits: they give the same one again.
    var device = try Self.start(
      transport,
      pool: pool,
      randomBits: macAddressBits,
      vectors: vectors
    )
    device.counters.add(counters)
    device.counters.restarts &+= 1
    self = device
  }

  /// Whether the device says, or its rings show, that only a reset helps.
  /// §2.1.2. Reads a register.
  public var needsReset: Bool {
    isBroken || transport.status.contains(.needsReset)
  }

  /// Whether a ring is not what it should be: nothing comes from the device and
  /// nothing goes to it any more until a ``restart()``.
  public var isBroken: Bool {
    receiveQueue.isBroken || transmitQueue.isBroken
  }

  /// Whether the link is up; so it is taken to be when the device does not say.
  /// §5.1.4.2. Reads a register.
  public var isLinkUp: Bool {
    guard features.contains(.status) else { return true }
    return NetworkConfiguration(transport: transport).isLinkUp
  }

  // MARK: Receiving

  /// The next frame, from its Ethernet header on; `nil` when there is none now.
  public mutating func receive() -> PacketBuffer? {
    while let completion = receiveQueue.takeUsed() {
      let (written, posted) = (completion.writtenCount, completion.postedCount)
      var packet = completion.packet
      guard written <= posted else {
        counters.receivedTooLong &+= 1
        continue
      }
      guard written >= headerSize + Self.smallestFrame else {
        counters.receivedTooShort &+= 1
        continue
      }
      guard PacketHeader.isComplete(packet.bytes) else {
        counters.receivedBadHeader &+= 1
        continue
      }
      packet.removeLast(posted - written)
      packet.removeFirst(headerSize)
      counters.received &+= 1
      return packet
    }
    return nil
  }

  /// Posts packets of the pool until the device has as many as it takes.
  public mutating func refill() {
    let needed = splitsHeader ? 2 : 1
    while !receiveQueue.isBroken, receiveQueue.freeCount >= needed,
      receiveQueue.inFlightCount < mostReceivePackets
    {
      let headroom = Self.receiveHeadroom - headerSize
      guard var packet = pool.allocate(headroom: headroom) else {
        counters.receivePoolEmpty &+= 1
        return
      }
      packet.append(packet.tailroom)
      let address = deviceAddress(of: packet)
      receiveQueue.post(
        packet,
        at: address,
        deviceWrites: true,
        headerSize: splitsHeader ? headerSize : 0
      )
    }
  }

  private func deviceAddress(of packet: borrowing PacketBuffer) -> UInt64 {
    // SAFETY: The address is only told to the device, which uses no more than
    // the packet's bytes; the queue keeps the packet until it is given back.
    let address = unsafe packet.unsafeAddress
    return transport.deviceAddress(of: address, byteCount: packet.count)
  }

  // MARK: Sending

  /// Whether there is room for a frame. When there is not, the device is asked
  /// to interrupt once there is, at the next ``enableInterrupts()``.
  public mutating func canTransmit() -> Bool {
    guard !isBroken else { return false }
    let needed = splitsHeader ? 2 : 1
    if transmitQueue.freeCount >= needed { return true }
    reclaim()
    if transmitQueue.freeCount >= needed { return true }
    counters.transmitRingFull &+= 1
    wantsTransmitInterrupt = true
    return false
  }

  /// Gives the device `frame`, which begins with its Ethernet header, to send.
  ///
  /// - Precondition: ``canTransmit()`` was true, and the frame has
  ///   ``headroom`` bytes before it.
  public mutating func transmit(_ frame: consuming PacketBuffer) {
    PacketHeader.prepend(size: headerSize, to: &frame)
    let address = deviceAddress(of: frame)
    transmitQueue.post(
      frame,
      at: address,
      deviceWrites: false,
      headerSize: splitsHeader ? headerSize : 0
    )
    counters.sent &+= 1
  }

  /// Takes back the packets that the device has sent. What it says of their
  /// lengths is not looked at: §5.1.6.1 has legacy devices write rubbish.
  public mutating func reclaim() {
    while transmitQueue.takeUsed() != nil {}
  }

  /// Lets the device see what was posted, and notifies it if it wants that.
  public mutating func flush() {
    if receiveQueue.publish(), let receiveDoorbell {
      counters.notifications &+= 1
      transport.notify(QueueIndex.receive, receiveDoorbell, data: nil)
    }
    if transmitQueue.publish(), let transmitDoorbell {
      counters.notifications &+= 1
      transport.notify(QueueIndex.transmit, transmitDoorbell, data: nil)
    }
  }

  // MARK: Interrupts

  /// Asks the device not to interrupt: the caller looks for itself.
  public mutating func disableInterrupts() {
    receiveQueue.suppressInterrupts()
    if wantsTransmitInterrupt {
      wantsTransmitInterrupt = false
      transmitQueue.suppressInterrupts()
    }
  }

  /// Asks the device to interrupt when a frame comes, and when there is room
  /// again after ``canTransmit()`` said no.
  ///
  /// - Returns: Whether there is something already: the caller must look
  ///   again instead of waiting.
  public mutating func enableInterrupts() -> Bool {
    var hasWork = receiveQueue.requestInterrupts()
    if wantsTransmitInterrupt, transmitQueue.requestInterrupts() {
      hasWork = true
    }
    return hasWork
  }

  /// Answers an interrupt of the device's line.
  public mutating func acknowledgeInterrupt() -> InterruptReasons {
    counters.interrupts &+= 1
    return transport.acknowledgeInterrupt()
  }

  /// Notes an interrupt by message, which needs no answer.
  public mutating func noteInterrupt() { counters.interrupts &+= 1 }
}
