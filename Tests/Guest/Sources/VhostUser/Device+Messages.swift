import Glibc

/// What QEMU asks.
extension Device {
  func accept() {
    let number = Glibc.accept(listener.number, nil, nil)
    guard number >= 0 else { return }
    connection = Connection(FileDescriptor(owning: number))
  }

  func disconnect() {
    connection = nil
    queues = [DeviceQueue(), DeviceQueue()]
    memory = GuestMemory()
    forgetFrames()
  }

  func forgetFrames() {
    waiting = []
    belated = nil
    hasRubbish = false
    isToBeSeen = false
    isStalled = false
  }

  func receiveMessage() {
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
  func answer(_ message: Message) throws(VhostUserError) -> Bool {
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

  func setUpRing(
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
  func queueIndex(_ message: Message) throws(VhostUserError) -> Int {
    let index = Int(try message.number32(0) & 0xFF)
    guard queues.indices.contains(index) else {
      throw .badMessage("queue \(index) of \(queues.count)")
    }
    return index
  }
}
