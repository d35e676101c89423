import Glibc

/// The device, on a thread of its own: what QEMU asks, what the guest sends,
/// what the peer answers, and the lies.
final class Device {
  /// How often the peer pings, and how long a poll waits.
  static let tickMilliseconds = 20
  /// Frames that wait for the guest to post room for them.
  static let mostWaitingFrames = 256
  /// Of what the guest takes as one packet of TCP: its data, so that all of it
  /// is under 64 KiB. §5.1.6.3.1.
  static let largestPacket = 60_000
  /// Interrupts of one storm.
  static let stormSize = 1000

  /// §5.1.2.
  enum QueueIndex {
    static let receive = 0
    static let transmit = 1
  }

  /// VHOST_USER_PROTOCOL_F_REPLY_ACK: the only extension that is offered.
  static let protocolFeatures: UInt32 = 1 << 3

  let board: Board
  let listener: FileDescriptor
  let wake: FileDescriptor
  let offered: DeviceFeatures
  var connection: Connection?
  var features: DeviceFeatures = []
  var memory = GuestMemory()
  var queues = [DeviceQueue(), DeviceQueue()]
  var peer = Peer()
  var liar: Liar
  var waiting: [Peer.Outgoing] = []
  /// A chain whose completion was written wrongly first.
  var belated: Completion?
  /// The rings have random bytes that the device has yet to mend.
  var hasRubbish = false
  /// The driver is yet to look at a packet, and nothing is delivered before.
  var isToBeSeen = false
  /// Frames are taken and not given back.
  var isStalled = false
  var nextTick: ContinuousClock.Instant = .now

  init(
    board: Board,
    listener: FileDescriptor,
    wake: FileDescriptor,
    offered: DeviceFeatures,
    seed: UInt64
  ) {
    self.board = board
    self.listener = listener
    self.wake = wake
    self.offered = offered
    liar = Liar(seed: seed)
  }

  // MARK: The loop

  /// Runs until the board says that it is over.
  func run() {
    while !board.isOver {
      waitForWork()
      if let (lie, times) = board.takeLie() { liar.begin(lie, times: times) }
      if let exchange = board.takeExchange() { begin(exchange) }
      tick()
    }
  }

  func waitForWork() {
    let files =
      [wake, connection?.file ?? listener] + queues.compactMap { $0.kick }
    var polled = files.map {
      pollfd(fd: $0.number, events: Int16(POLLIN), revents: 0)
    }
    let rest = ContinuousClock.now.duration(to: nextTick)
    let limit = max(0, min(Self.tickMilliseconds, Int(rest / .milliseconds(1))))
    // SAFETY: As many entries as the array has.
    let count = unsafe poll(&polled, nfds_t(polled.count), Int32(limit))
    guard count > 0 else { return }
    for (file, entry) in zip(files, polled) where entry.revents != 0 {
      if file === wake {
        wake.clear()
      } else if file === listener {
        accept()
      } else if file === connection?.file {
        receiveMessage()
      } else {
        file.clear()
        if let index = queues.firstIndex(where: { $0.kick === file }) {
          serve(index)
        }
      }
    }
  }

  func tick() {
    guard nextTick <= .now else { return }
    nextTick = .now + .milliseconds(Self.tickMilliseconds)
    if let completion = belated {
      belated = nil
      queues[QueueIndex.receive].complete([completion])
    }
    if hasRubbish {
      hasRubbish = false
      for queue in queues { queue.mend() }
      queues.indices.forEach(serve)
    }
    // The driver may have been told not to notify.
    if isToBeSeen { serve(QueueIndex.receive) }
    if queues.allSatisfy({ $0.ring != nil }), let lie = liar.next(.anytime) {
      tellAnytime(lie)
      noteLie()
    }
    guard peer.hasLease else { return }
    deliver(peer.ping())
    for frame in peer.tick() { deliver(frame) }
  }
}
