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
  /// Which entries of the MSI-X table the device is to use.
  public struct Vectors: Sendable {
    /// For changes of the configuration.
    public let configuration: UInt16
    /// For received frames.
    public let receive: UInt16
    /// For sent frames.
    public let transmit: UInt16

    /// These three.
    public init(configuration: UInt16, receive: UInt16, transmit: UInt16) {
      self.configuration = configuration
      self.receive = receive
      self.transmit = transmit
    }
  }

  /// §5.1.2.
  private enum QueueIndex {
    static var receive: UInt16 { 0 }
    static var transmit: UInt16 { 1 }
  }

  /// An Ethernet header is the least that a frame has.
  private static var smallestFrame: Int { 14 }
  /// More descriptors than this a queue is not given: at the sizes of today's
  /// devices it does not matter, and it bounds the memory.
  private static var mostDescriptors: UInt16 { 1024 }
  /// The headroom that a frame needs for ``transmit(_:)``.
  public static var headroom: Int { 12 }

  /// How the device is driven.
  public let transport: T
  /// The features that driver and device agreed on.
  public let features: Features
  /// The interface's address, first octet most significant.
  public let macAddressBits: UInt64
  /// What happened so far.
  public private(set) var counters = NetworkCounters()

  private let pool: PacketPool
  private let headerSize: Int
  /// Whether the header must have a descriptor of its own.
  private let splitsHeader: Bool
  private var receiveQueue: SplitQueue
  private var transmitQueue: SplitQueue
  private let receiveDoorbell: Doorbell
  private let transmitDoorbell: Doorbell
  private var wantsTransmitInterrupt = false

  // MARK: Life

  /// Starts the device: resets it, agrees on features, gives it its queues and
  /// packets to receive into. §3.1.1.
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
    vectors: Vectors?
  ) throws(VirtioError) -> NetworkDevice {
    do throws(VirtioError) {
      var device = try setUp(transport, pool, randomBits, vectors)
      // Step 8. Packets are posted after it only because a notification must
      // not come before it.
      transport.status = transport.status.union(.driverOK)
      device.refill()
      device.flush()
      return device
    } catch {
      // Nothing that it was told of is used before DRIVER_OK.
      transport.status = transport.status.union(.failed)
      throw error
    }
  }

  /// Steps 1 to 7 of §3.1.1.
  private static func setUp(
    _ transport: T,
    _ pool: PacketPool,
    _ randomBits: UInt64,
    _ vectors: Vectors?
  ) throws(VirtioError) -> NetworkDevice {
    // Steps 1 to 3.
    try transport.reset()
    transport.status = [.acknowledge]
    transport.status = [.acknowledge, .driver]
    let features = try negotiate(transport)

    // Step 7: what is particular to the device.
    let macAddressBits =
      features.contains(.mac)
      ? NetworkConfiguration(transport: transport).macAddressBits
      : localAddress(randomBits)
    if let vectors {
      try transport.setConfigurationVector(vectors.configuration)
    }
    let receiveQueue = try makeQueue(QueueIndex.receive, transport)
    let transmitQueue = try makeQueue(QueueIndex.transmit, transport)
    let receiveDoorbell = try transport.enableQueue(
      QueueIndex.receive,
      receiveQueue.addresses,
      vector: vectors?.receive
    )
    let transmitDoorbell = try transport.enableQueue(
      QueueIndex.transmit,
      transmitQueue.addresses,
      vector: vectors?.transmit
    )
    return NetworkDevice(
      transport,
      pool,
      features,
      macAddressBits,
      receiveQueue,
      transmitQueue,
      receiveDoorbell,
      transmitDoorbell
    )
  }

  private init(
    _ transport: T,
    _ pool: PacketPool,
    _ features: Features,
    _ macAddressBits: UInt64,
    _ receiveQueue: consuming SplitQueue,
    _ transmitQueue: consuming SplitQueue,
    _ receiveDoorbell: Doorbell,
    _ transmitDoorbell: Doorbell
  ) {
    self.transport = transport
    self.pool = pool
    self.features = features
    self.macAddressBits = macAddressBits
    headerSize = PacketHeader.size(features)
    splitsHeader =
      !features.contains(.version1) && !features.contains(.anyLayout)
    self.receiveQueue = receiveQueue
    self.transmitQueue = transmitQueue
    self.receiveDoorbell = receiveDoorbell
    self.transmitDoorbell = transmitDoorbell
  }

  /// Steps 4 to 6 of §3.1.1.
  private static func negotiate(
    _ transport: T
  ) throws(VirtioError) -> Features {
    let accepted = FeatureNegotiation.accept(transport.offeredFeatures)
    // §6.1: a modern device may refuse a driver without VERSION_1, and this
    // one drives it by the standard alone.
    guard transport.isLegacy || accepted.contains(.version1) else {
      throw VirtioError.featuresRefused
    }
    transport.accept(accepted)
    // §3.1.2: legacy devices know no FEATURES_OK.
    guard !transport.isLegacy else { return accepted }
    transport.status = [.acknowledge, .driver, .featuresOK]
    guard transport.status.contains(.featuresOK) else {
      throw VirtioError.featuresRefused
    }
    return accepted
  }

  /// A queue as large as device and driver allow.
  private static func makeQueue(
    _ index: UInt16,
    _ transport: T
  ) throws(VirtioError) -> SplitQueue {
    let size = transport.largestQueueSize(index)
    // §2.7: a power of two. §4.1.5.1.3: 0 when there is none.
    guard size > 0, size <= SplitQueue.largestSize, size & (size - 1) == 0
    else { throw VirtioError.badQueue }
    // Only a modern device lets the driver have less.
    return SplitQueue(
      size: transport.isLegacy ? size : min(size, mostDescriptors)
    )
  }

  /// An address that is nobody's: locally administered, of one interface.
  /// IEEE 802-2014 §8.2.
  private static func localAddress(_ randomBits: UInt64) -> UInt64 {
    let bits = randomBits & 0xFFFF_FFFF_FFFF
    return bits & ~0x0100_0000_0000 | 0x0200_0000_0000
  }

  /// Stops the device for good: what it held is back in the pool afterwards.
  ///
  /// - Throws: `resetFailed` when the device does not come to rest; then what
  ///   it held is lost, for it may still write there.
  public consuming func stop() throws(VirtioError) {
    try transport.reset()
  }

  /// Whether the device says, or its rings show, that only a reset helps.
  /// §2.1.2. Reads a register.
  public var needsReset: Bool {
    isBroken || transport.status.contains(.needsReset)
  }

  /// Whether a ring is not what it should be; nothing comes from it any more.
  public var isBroken: Bool {
    receiveQueue.isBroken || transmitQueue.isBroken
  }

  /// Whether the link is up; so it is taken to be when the device does not say.
  /// §5.1.4.2. Reads a register.
  public var isLinkUp: Bool {
    guard features.contains(.status) else { return true }
    return NetworkConfiguration(transport: transport).isLinkUp
  }

  /// The largest IP packet that the device passes on, if it says and if that
  /// makes sense: RFC 791 §3.1 has 68 bytes for the least.
  public var mtu: Int? {
    guard features.contains(.mtu) else { return nil }
    let mtu = NetworkConfiguration(transport: transport).mtu
    return mtu >= 68 ? mtu : nil
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
    while receiveQueue.freeCount >= needed {
      guard var packet = pool.allocate() else {
        counters.receivePoolEmpty &+= 1
        return
      }
      packet.append(packet.tailroom)
      receiveQueue.post(
        packet,
        deviceWrites: true,
        headerSize: splitsHeader ? headerSize : 0
      )
    }
  }

  // MARK: Sending

  /// Whether there is room for a frame. When there is not, the device is asked
  /// to interrupt once there is, at the next ``enableInterrupts()``.
  public mutating func canTransmit() -> Bool {
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
    transmitQueue.post(
      frame,
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
    if receiveQueue.publish() {
      counters.notifications &+= 1
      transport.notify(QueueIndex.receive, receiveDoorbell)
    }
    if transmitQueue.publish() {
      counters.notifications &+= 1
      transport.notify(QueueIndex.transmit, transmitDoorbell)
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
