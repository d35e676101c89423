import Packets

/// The queue by which the driver commands the device. VIRTIO 1.2 §5.1.6.5.
///
///     begin(name) → append data → perform: post, notify, wait → ack
///
/// One command at a time: the caller waits for the answer, and not for ever. A
/// device that does not answer keeps the command's memory, and the queue is not
/// used any more.
final class ControlQueue {
  /// The number of the queue. §5.1.2: behind the last pair.
  let index: UInt16
  private var queue: Virtqueue
  private var doorbell: Doorbell?
  private let pool: PacketPool
  /// Whether the device expects descriptors as before the standard. §5.1.6.6.
  private let isSplit: Bool
  /// Whether notifications say how far the driver is. §2.9.
  private let sendsData: Bool
  /// How often the device's status is read while an answer is waited for.
  private let mostReads: Int
  private(set) var counters = ControlCounters()

  /// The bytes of a slot: the longest command is a table of addresses.
  private static var slotSize: Int {
    let longest =
      ControlCommand.headerSize + 2 * 4 + 6 * VirtioLimits.filterAddresses
      + ControlCommand.answerSize
    // A table of its four descriptors at most lies behind it.
    let bytes =
      PacketPool.controlBlockSize + longest + Virtqueue.tableSize(fragments: 2)
    return (bytes + 63) & ~63
  }

  /// Queue `index` of a device with `features`.
  ///
  /// - Throws: `badQueue` when it does not have such a one.
  static func make<T: Transport>(
    of transport: T,
    _ index: UInt16,
    _ features: Features,
    mostReads: Int
  ) throws(VirtioError) -> ControlQueue {
    let queue = try Virtqueue(of: transport, index, QueueFormat(features))
    let isSplit = PacketHeader.isSplitOff(features)
    // §5.1.6.6: the most descriptors that a command takes.
    guard queue.size >= (isSplit ? 4 : 2) else { throw VirtioError.badQueue }
    return ControlQueue(queue, index, features, isSplit, mostReads)
  }

  private init(
    _ queue: consuming Virtqueue,
    _ index: UInt16,
    _ features: Features,
    _ isSplit: Bool,
    _ mostReads: Int
  ) {
    self.index = index
    self.isSplit = isSplit
    self.mostReads = mostReads
    sendsData = features.contains(.notificationData)
    self.queue = queue
    pool = PacketPool(capacity: 1, slotSize: Self.slotSize)
  }

  deinit {
    guard queue.inFlightCount > 0 else { return }
    // SAFETY: The device still has the command: a pool too many is lost with
    // it, on purpose.
    _ = unsafe Unmanaged.passRetained(pool)
  }

  /// Tells the device where the queue is. It has no vector: who gives a command
  /// looks for the answer.
  func enable<T: Transport>(on transport: T) throws(VirtioError) {
    let doorbell = try queue.enable(on: transport, index, vector: nil)
    // §2.9: 32 bits or nothing.
    guard !sendsData || doorbell.takesData else { throw VirtioError.badQueue }
    self.doorbell = doorbell
  }

  /// Notes that the device has been reset.
  func takeBack() { queue.takeBack() }

  /// Notes that the device has not come to rest: no command is given any more.
  func giveUp() { queue.giveUp() }

  /// Whether a command was not answered, and none before it was.
  var isMute: Bool {
    counters.unanswered > 0 && counters.commands == counters.unanswered
  }

  /// Whether commands can be given.
  var isUsable: Bool { doorbell != nil && !queue.isBroken }

  /// A command to be written.
  ///
  /// - Throws: `unanswered` when an earlier one was not answered.
  func begin(_ name: ControlCommand.Name) throws(ControlError) -> ControlCommand
  {
    guard isUsable, let packet = pool.allocate() else {
      throw ControlError.unanswered
    }
    return ControlCommand(name, in: packet)
  }

  /// Gives the device the command and waits for its answer. The device must
  /// have been told DRIVER_OK.
  ///
  /// - Throws: `refused` or `unanswered`.
  func perform<T: Transport>(
    _ command: consuming ControlCommand,
    on transport: T
  ) throws(ControlError) {
    guard isUsable, let doorbell else { throw ControlError.unanswered }
    counters.commands &+= 1
    let direction = command.direction(isSplit: isSplit)
    queue.post(command.finished(), direction, reachedBy: transport)
    if queue.publish() {
      counters.notifications &+= 1
      transport.notify(
        index,
        doorbell,
        data: sendsData ? queue.notificationData(index) : nil
      )
    }
    guard waitForAnswer(transport), let completion = queue.takeUsed() else {
      counters.unanswered &+= 1
      queue.giveUp()
      throw ControlError.unanswered
    }
    // §2.7.8.2: what the device does not say to have written is not looked at;
    // §5.1.6.1 has legacy devices say anything.
    let isWritten =
      transport.isLegacy
      || completion.writtenCount == ControlCommand.answerSize
    guard isWritten,
      ControlCommand.answer(in: completion.packet) == ControlCommand.accepted
    else {
      counters.refused &+= 1
      throw ControlError.refused
    }
  }

  /// Waits until the device has given something back; `false`: it did not, in
  /// as many reads of its status as it is given, or cannot any more.
  private func waitForAnswer<T: Transport>(_ transport: T) -> Bool {
    for _ in 0..<mostReads {
      if queue.hasUsed { return true }
      // Each is an exit, in which a device on the same core goes on too.
      if transport.status.contains(.needsReset) { return false }
    }
    return queue.hasUsed
  }
}

/// What happened on the control queue.
public struct ControlCounters: Sendable {
  /// Commands given.
  public internal(set) var commands: UInt64 = 0
  /// Notifications written for them; each is an exit.
  public internal(set) var notifications: UInt64 = 0
  /// Commands that the device has refused.
  public internal(set) var refused: UInt64 = 0
  /// Commands that it did not answer in time.
  public internal(set) var unanswered: UInt64 = 0

  mutating func add(_ other: ControlCounters) {
    commands &+= other.commands
    notifications &+= other.notifications
    refused &+= other.refused
    unanswered &+= other.unanswered
  }
}
