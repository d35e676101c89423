import Packets

/// A virtio network device: frames in, frames out. VIRTIO 1.2 §5.1.
///
///     pool → post → device fills → takeUsed → header off → receive()
///     transmit(_:) → header on → post → device sends → takeUsed → its pool
///
/// What comes in is in a slot of the device's own pool all the way, or in
/// several when the device has merged it; what goes out stays where the stack
/// has it. Nothing is copied and nothing allocated. The driver's calls are made
/// from one loop; a notification is written at most once a queue and
/// ``flush()``.
///
/// Its parts are files of their own: receiving, sending, interrupts, life.
public struct NetworkDevice<T: Transport>: ~Copyable {
  /// The headroom that a frame needs for ``transmit(_:)``.
  public static var headroom: Int { 24 }

  /// How the device is driven.
  public let transport: T
  /// The features that driver and device agreed on.
  public let features: Features
  /// The interface's address, first octet most significant.
  public internal(set) var macAddressBits: UInt64
  /// The largest IP packet that the device passes on, if it says.
  public let mtu: Int?
  /// The most fragments of a frame for ``transmit(_:)``.
  public let mostFragments: Int
  /// What happened so far.
  public internal(set) var counters = NetworkCounters()

  /// Where frames are received into; nobody else takes packets from it.
  public let receivePool: PacketPool
  let plan: ReceivePlan
  let settings: NetworkSettings
  let headerSize: Int
  /// Whether the header must have a descriptor of its own. §2.7.4.
  let splitsHeader: Bool
  /// Whether notifications say how far the driver is. §2.9.
  let sendsNotificationData: Bool
  /// The descriptors that any frame to send has room with.
  let descriptorsPerFrame: Int
  /// The packets that each receive queue is given.
  let mostReceivePackets: Int
  var pairs: QueuePairs
  /// Those that the device has agreed to use, from the first on; all are asked
  /// for frames.
  var pairsInUse = 1
  /// The control queue, where there is one.
  let control: ControlQueue?
  /// What those before the last restart have counted.
  var earlierControl = ControlCounters()
  /// What pairs have counted that there were before a restart.
  var earlierReceived = QueueCounters()
  var earlierSent = QueueCounters()
  /// The starts in a row, up to this one's, after which the device answered no
  /// command.
  var muteStarts = 0
  /// How frames are spread, where the driver says that.
  let scaling: ReceiveScaling?
  /// What was asked for by the control queue.
  var wishes = ControlWishes()
  /// What the device was told to receive; `nil`: nobody knows.
  var told: ReceiveFilter?
  /// The address that the device says it goes by, if it is one.
  let toldAddress: UInt64?
  /// The interface's address where the device does not go by it otherwise.
  var addressInTable: UInt64?
  /// The pair that is next to be asked for a frame.
  var nextPair = 0

  init(
    _ transport: T,
    _ features: Features,
    _ settings: NetworkSettings,
    _ plan: ReceivePlan,
    _ pool: PacketPool,
    _ pairs: consuming QueuePairs,
    _ control: ControlQueue?
  ) {
    let configuration = NetworkConfiguration(transport: transport)
    self.transport = transport
    receivePool = pool
    self.plan = plan
    self.features = features
    self.settings = settings
    // §5.1.5: without the feature, and when what it says is no address for an
    // interface, the driver chooses one.
    let told = features.contains(.mac) ? configuration.macAddressBits : nil
    toldAddress = told.flatMap { ReceiveFilter.isUnicast($0) ? $0 : nil }
    macAddressBits =
      toldAddress
      ?? NetworkConfiguration<T>.localAddressBits(settings.randomBits)
    // It was looked at before, but the device may say something else by now.
    mtu =
      features.contains(.mtu)
      ? max(configuration.mtu, VirtioLimits.smallestMTU) : nil
    headerSize = PacketHeader.size(features)
    splitsHeader = PacketHeader.isSplitOff(features)
    sendsNotificationData = features.contains(.notificationData)
    mostReceivePackets = plan.postedCount(queues: pairs.count)
    // A table is no longer than its queue: §2.7.5.3.1. A frame may go on any.
    var size = Int(pairs[0].transmit.size)
    for index in pairs.indices {
      size = min(size, Int(pairs[index].transmit.size))
    }
    let most =
      features.contains(.indirectDesc)
      ? size - 2 : size / VirtioLimits.ringPartsPerPacket - 2
    mostFragments = max(0, min(most, PacketBuffer.mostFragments))
    descriptorsPerFrame = pairs[0].transmit.descriptorsNeeded(
      headerSize: splitsHeader ? headerSize : 0,
      fragments: mostFragments
    )
    let hashes = !features.isDisjoint(with: [.rss, .hashReport])
    scaling =
      hashes
      ? ReceiveScaling(
        pairs: pairs.count,
        supported: configuration.hashTypes,
        seed: settings.hashSeed
      ) : nil
    self.control = control
    self.pairs = pairs
  }

  /// The direction of a frame, whose header may need its own descriptor.
  func direction(deviceWrites: Bool) -> Virtqueue.Direction {
    Virtqueue.Direction(
      deviceWrites: deviceWrites,
      headerSize: splitsHeader ? headerSize : 0
    )
  }

  /// The MTU that the device says and that was not agreed on: none that makes
  /// sense, or more than there is memory for. Reads registers.
  public var refusedMTU: Int? {
    guard !features.contains(.mtu), transport.offeredFeatures.contains(.mtu)
    else { return nil }
    return NetworkConfiguration(transport: transport).mtu
  }

  /// Whether a ring is not what it should be: nothing comes from the device and
  /// nothing goes to it any more until a ``restart()``.
  public var isBroken: Bool {
    for index in pairs.indices where pairs[index].isBroken { return true }
    return false
  }

  /// The pairs of queues that are in use.
  public var pairCount: Int { pairsInUse }

  /// Whether the link is up; so it is taken to be when the device does not say.
  /// §5.1.4.2. Reads a register.
  public var isLinkUp: Bool {
    guard features.contains(.status) else { return true }
    return NetworkConfiguration(transport: transport).isLinkUp
  }

  /// How fast the link is, and whether both sides may send at once, where the
  /// device says. §5.1.4.2. Reads registers.
  public var linkSpeed: LinkSpeed? {
    guard features.contains(.speedDuplex) else { return nil }
    return NetworkConfiguration(transport: transport).linkSpeed
  }
}
