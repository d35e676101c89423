import Glibc

/// The device, on a thread of its own: what QEMU asks, what the guest sends,
/// what the peer answers, and the lies.
final class Device {
  /// How often the peer pings, and how long a poll waits.
  private static let tickMilliseconds = 20
  /// Frames that wait for the guest to post room for them.
  private static let mostWaitingFrames = 256
  /// Of what the guest takes as one packet of TCP: its data, so that all of it
  /// is under 64 KiB. §5.1.6.3.1.
  private static let largestPacket = 60_000
  /// Interrupts of one storm.
  private static let stormSize = 1000

  /// §5.1.2.
  private enum QueueIndex {
    static let receive = 0
    static let transmit = 1
  }

  /// VHOST_USER_PROTOCOL_F_REPLY_ACK: the only extension that is offered.
  private static let protocolFeatures: UInt32 = 1 << 3

  private let board: Board
  private let listener: FileDescriptor
  private let wake: FileDescriptor
  private let offered: DeviceFeatures
  private var connection: Connection?
  private var features: DeviceFeatures = []
  private var memory = GuestMemory()
  private var queues = [DeviceQueue(), DeviceQueue()]
  private var peer = Peer()
  private var liar: Liar
  private var waiting: [Peer.Outgoing] = []
  /// A chain whose completion was written wrongly first.
  private var belated: Completion?
  /// Frames are taken and not given back.
  private var isStalled = false
  private var nextTick: ContinuousClock.Instant = .now

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

  private func waitForWork() {
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

  private func tick() {
    guard nextTick <= .now else { return }
    nextTick = .now + .milliseconds(Self.tickMilliseconds)
    if let completion = belated {
      belated = nil
      queues[QueueIndex.receive].complete([completion])
    }
    if queues.allSatisfy({ $0.ring != nil }), let lie = liar.next(.anytime) {
      tellAnytime(lie)
      noteLie()
    }
    guard peer.hasLease else { return }
    deliver(peer.ping())
    for frame in peer.tick() { deliver(frame) }
  }

  // MARK: Messages

  private func accept() {
    let number = Glibc.accept(listener.number, nil, nil)
    guard number >= 0 else { return }
    connection = Connection(FileDescriptor(owning: number))
  }

  private func disconnect() {
    connection = nil
    queues = [DeviceQueue(), DeviceQueue()]
    memory = GuestMemory()
    forgetFrames()
  }

  private func forgetFrames() {
    waiting = []
    belated = nil
    isStalled = false
  }

  private func receiveMessage() {
    do throws(VhostUserError) {
      guard let message = try connection?.receive() else { return disconnect() }
      let isAnswered = try answer(message)
      if !isAnswered, message.flags & Message.Flag.needsReply != 0 {
        try connection?.reply(to: message, [0, 0])
      }
    } catch {
      note(error)
      disconnect()
    }
  }

  /// Does what `message` asks.
  ///
  /// - Returns: Whether it was answered.
  private func answer(_ message: Message) throws(VhostUserError) -> Bool {
    guard let request = Request(rawValue: message.request) else {
      throw .badMessage("request \(message.request) was not offered")
    }
    switch request {
    case .setOwner, .resetOwner, .setRingError, .setProtocolFeatures: break
    case .getFeatures:
      let bits = offered.union(.protocolFeatures).rawValue
      try connection?.reply(
        to: message,
        [UInt32(truncatingIfNeeded: bits), UInt32(bits >> 32)]
      )
      return true
    case .getProtocolFeatures:
      try connection?.reply(to: message, [Self.protocolFeatures, 0])
      return true
    case .getQueueCount:
      try connection?.reply(to: message, [1, 0])
      return true
    case .setFeatures:
      features = DeviceFeatures(rawValue: try message.number64(0))
      let extra = features.subtracting(offered.union(.protocolFeatures))
      guard extra.isEmpty else {
        throw .badMessage("features \(extra) were not offered")
      }
    case .setMemoryTable: memory = try GuestMemory(message)
    case .getRingBase:
      let index = try queueIndex(message)
      queues[index].stop()
      forgetFrames()
      try connection?.reply(
        to: message,
        [UInt32(index), queues[index].base]
      )
      return true
    default: try setUpRing(request, message)
    }
    return false
  }

  private func setUpRing(
    _ request: Request,
    _ message: Message
  ) throws(VhostUserError) {
    let index = try queueIndex(message)
    switch request {
    case .setRingSize:
      queues[index].size = UInt16(clamping: try message.number32(4))
    case .setRingAddresses:
      // index 4 · flags 4 · descriptors 8 · used 8 · available 8 · log 8
      queues[index].descriptors = try message.number64(8)
      queues[index].deviceArea = try message.number64(16)
      queues[index].driverArea = try message.number64(24)
    case .setRingBase: queues[index].base = try message.number32(4)
    case .setRingEnable:
      queues[index].isEnabled = try message.number32(4) != 0
    case .setRingKick: queues[index].kick = message.files.first
    case .setRingCall: queues[index].call = message.files.first
    default: break
    }
    let isStarted = try queues[index].startIfReady(memory, features)
    guard isStarted else { return }
    if queues.allSatisfy({ $0.ring != nil }) {
      let accepted = features.subtracting(.protocolFeatures)
      board.update {
        $0.starts += 1
        $0.features = accepted
      }
    }
    // Chains may have been there before the notification can be seen.
    serve(index)
  }

  /// The queue that a message is about: its first number, of which SET_VRING_*
  /// with a file use the lowest byte.
  private func queueIndex(_ message: Message) throws(VhostUserError) -> Int {
    let index = Int(try message.number32(0) & 0xFF)
    guard queues.indices.contains(index) else {
      throw .badMessage("queue \(index) of \(queues.count)")
    }
    return index
  }

  // MARK: Packets

  /// Takes what the driver has made available in a queue.
  private func serve(_ index: Int) {
    do throws(VhostUserError) {
      try queues[index].takeAll()
      if index == QueueIndex.receive {
        let frames = waiting
        waiting = []
        for frame in frames { deliver(frame) }
      } else {
        try transmit()
      }
    } catch {
      note(error)
      queues[index].stop()
    }
  }

  /// Takes the guest's frames, gives them to the peer, and gives them back.
  private func transmit() throws(VhostUserError) {
    let headerSize = PacketHeader.size(features)
    var completions: [Completion] = []
    while !isStalled, let chain = queues[QueueIndex.transmit].next() {
      guard chain.writable.isEmpty else {
        throw .badDriver("a frame to send has parts to write")
      }
      let packet = chain.contents
      guard packet.count >= headerSize + 14 else {
        throw .badDriver("a packet of \(packet.count) bytes")
      }
      let completion = Completion(
        identifier: UInt32(chain.identifier),
        length: 0,
        descriptorCount: chain.descriptorCount
      )
      let lie = liar.next(.transmission)
      if lie == .transmitNeverCompletes {
        isStalled = true
        noteLie()
        break
      }
      if let lie {
        completions += Liar.turn(
          [completion],
          into: lie,
          queue: queues[QueueIndex.transmit],
          writableCount: 0
        )
        if lie == .transmitIndexTooFar { queues[QueueIndex.transmit].jump() }
        noteLie()
      } else {
        completions.append(completion)
      }
      receive(
        Array(packet[headerSize...]),
        PacketHeader(packet, size: headerSize)
      )
    }
    queues[QueueIndex.transmit].complete(completions)
  }

  /// A frame of the guest.
  private func receive(_ frame: [UInt8], _ header: PacketHeader) {
    board.update { $0.framesFromGuest += 1 }
    if let fault = header.fault(packetSize: frame.count, features) {
      return note(.badDriver(fault))
    }
    var frame = frame
    header.completeChecksum(of: &frame)
    switch peer.receive(frame) {
    case .segments(let segments):
      for segment in segments { deliver(segment) }
      noteExchange()
    case .bad(let fault): note(.badDriver(fault))
    case .answer(let answer): deliver(answer)
    case .lease(let answer):
      board.update { $0.leases += 1 }
      deliver(answer)
    case .pong:
      board.update {
        $0.pongs += 1
        $0.pongsSinceLie += 1
      }
    case nil: break
    }
  }

  private func noteExchange() {
    guard let exchange = peer.finishedExchange else { return }
    board.finish(exchange)
  }

  /// Begins what was asked for.
  private func begin(_ exchange: Exchange.Order) {
    let largest =
      features.contains(.guestTSO4)
      ? Self.largestPacket : Exchange.segmentSize
    let frames = peer.begin(
      Exchange(exchange, largestPacket: largest),
      leavesChecksums: features.contains(.guestChecksum)
    )
    for frame in frames { deliver(frame) }
  }

  /// Gives the guest a frame, as soon as it has room for it.
  private func deliver(_ outgoing: Peer.Outgoing) {
    guard queues[QueueIndex.receive].ring != nil else { return }
    guard !queues[QueueIndex.receive].held.isEmpty else {
      if waiting.count < Self.mostWaitingFrames {
        waiting.append(outgoing)
      } else {
        board.update { $0.framesDropped += 1 }
      }
      return
    }
    let lie = liar.next(.delivery)
    var frame = outgoing.bytes
    switch lie {
    case .frameTooLarge: frame += random(count: spaceForOneFrame - frame.count)
    case .randomPacket:
      frame = random(
        count: .random(in: 1...spaceForOneFrame, using: &liar.random)
      )
    default: break
    }
    let header =
      outgoing.headerSize.map {
        PacketHeader(tcpHeaderSize: $0, packetSize: frame.count)
      } ?? PacketHeader()
    write(frame, header, lie)
    if lie != nil { noteLie() }
  }

  /// The largest frame that the chains which were taken can hold.
  private var spaceForOneFrame: Int {
    let held = queues[QueueIndex.receive].held
    let space =
      features.contains(.mergedBuffers)
      ? held.reduce(0) { $0 + $1.writableCount } : held[0].writableCount
    return min(space, 1 << 17) - PacketHeader.size(features)
  }

  /// Writes a packet into as many buffers as it takes. §5.1.6.4.
  private func write(
    _ frame: [UInt8],
    _ header: PacketHeader,
    _ lie: Lie?
  ) {
    var chains: [Chain] = []
    let size = PacketHeader.size(features) + frame.count
    var room = 0
    while room < size, let chain = queues[QueueIndex.receive].next() {
      chains.append(chain)
      room += chain.writableCount
      if !features.contains(.mergedBuffers) { break }
    }
    guard room >= size else {
      // Too large for this guest. Its buffers go back unused.
      queues[QueueIndex.receive].putBack(chains)
      board.update { $0.framesDropped += 1 }
      return
    }
    var header = header
    header.bufferCount = UInt16(chains.count)
    if let lie { header.tell(lie, packetSize: frame.count) }
    var packet = header.bytes(size: PacketHeader.size(features)) + frame
    if lie == .randomPacket {
      packet.replaceSubrange(..<10, with: random(count: 10))
    }
    var rest = packet[...]
    var completions: [Completion] = []
    for chain in chains {
      let length = min(rest.count, chain.writableCount)
      chain.write(rest.prefix(length))
      rest = rest.dropFirst(length)
      completions.append(
        Completion(
          identifier: UInt32(chain.identifier),
          length: UInt32(length),
          descriptorCount: chain.descriptorCount
        )
      )
    }
    give(completions, lie, writableCount: chains[0].writableCount)
    board.update { $0.framesToGuest += 1 }
  }

  private func give(
    _ completions: [Completion],
    _ lie: Lie?,
    writableCount: Int
  ) {
    guard let lie else {
      return queues[QueueIndex.receive].complete(completions)
    }
    if lie == .wrongWrap, belated == nil {
      queues[QueueIndex.receive].completeWithWrongWrap(completions[0])
      queues[QueueIndex.receive].call?.signal()
      belated = completions[0]
      return
    }
    let told = Liar.turn(
      completions,
      into: lie,
      queue: queues[QueueIndex.receive],
      writableCount: writableCount
    )
    if lie == .receiveIndexTooFar { queues[QueueIndex.receive].jump() }
    queues[QueueIndex.receive].complete(told)
  }

  // MARK: Lies

  private func tellAnytime(_ lie: Lie) {
    switch lie {
    case .suppressionRubbish:
      for queue in queues { queue.writeSuppression(&liar.random) }
      // The driver may have been told not to notify.
      if liar.left == 0 { queues.indices.forEach(serve) }
    case .randomRings:
      for queue in queues {
        queue.scribble(&liar.random)
        queue.call?.signal()
      }
    case .interruptStorm:
      for _ in 0..<Self.stormSize {
        for queue in queues { queue.call?.signal() }
        sched_yield()
      }
    case .connectionLost: disconnect()
    default: break
    }
  }

  private func noteLie() {
    let left = liar.left
    board.update {
      $0.liesTold += 1
      $0.liesLeft = left
      $0.pongsSinceLie = 0
    }
  }

  private func random(count: Int) -> [UInt8] {
    (0..<max(0, count)).map { _ in
      UInt8.random(in: 0...(.max), using: &liar.random)
    }
  }

  private func note(_ error: VhostUserError) {
    board.update { $0.violations.append(error.description) }
  }
}
