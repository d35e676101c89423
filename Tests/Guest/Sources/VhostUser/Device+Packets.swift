/// The way of packets.
extension Device {
  /// Takes what the driver has made available in a queue.
  func serve(_ index: Int) {
    do throws(VhostUserError) {
      let heldCount = queues[index].held.count
      try queues[index].takeAll()
      if index == QueueIndex.receive {
        // For what it has dropped the driver posts anew.
        if queues[index].held.count > heldCount { isToBeSeen = false }
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
  func transmit() throws(VhostUserError) {
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
  func receive(_ frame: [UInt8], _ header: PacketHeader) {
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

  func noteExchange() {
    guard let exchange = peer.finishedExchange else { return }
    board.finish(exchange)
  }

  /// Begins what was asked for.
  func begin(_ exchange: Exchange.Order) {
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
  func deliver(_ outgoing: Peer.Outgoing) {
    guard queues[QueueIndex.receive].ring != nil else { return }
    guard !isToBeSeen, !queues[QueueIndex.receive].held.isEmpty else {
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
    guard let lie else { return }
    isToBeSeen = lie.isToldAlone
    noteLie()
  }

  /// The largest frame that the chains which were taken can hold.
  var spaceForOneFrame: Int {
    let held = queues[QueueIndex.receive].held
    let space =
      features.contains(.mergedBuffers)
      ? held.reduce(0) { $0 + $1.writableCount } : held[0].writableCount
    return min(space, 1 << 17) - PacketHeader.size(features)
  }

  /// Writes a packet into as many buffers as it takes. §5.1.6.4.
  func write(
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
}
