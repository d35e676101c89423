/// What the driver does with the queues. VIRTIO 1.2 §2.7 and §4.1.5.1.3.
extension NetworkDeviceModel {
  var selected: Int? {
    Int(queueSelect) < queues.count ? Int(queueSelect) : nil
  }

  /// Notes what is wrong with changing the selected queue now.
  func checkQueueChange(isModern: Bool) {
    if isModern ? status & 8 == 0 : status & 2 == 0 { object(.queueOutOfOrder) }
    if mustReadFeaturesOK { object(.featuresNotReadBack) }
    if status & 4 != 0 { object(.queueOutOfOrder) }
    guard let selected else { return object(.noSuchQueue) }
    if queues[selected].isEnabled { object(.queueChangedWhileEnabled) }
  }

  func enableSelected() {
    guard let selected else { return object(.noSuchQueue) }
    let queue = queues[selected]
    let size = UInt64(queue.size)
    if size == 0 || size & (size - 1) != 0 || queue.size > queue.largestSize {
      return object(.badQueueSize)
    }
    if queue.descriptors % 16 != 0 || queue.driverArea % 2 != 0
      || queue.deviceArea % 4 != 0
    {
      object(.misalignedQueue)
    }
    guard memory.contains(queue.descriptors, Int(16 * size)),
      memory.contains(queue.driverArea, Int(6 + 2 * size)),
      memory.contains(queue.deviceArea, Int(6 + 8 * size))
    else { return object(.queueNotInMemory) }
    queues[selected].isEnabled = true
  }

  func notify(_ index: UInt32) {
    guard index < UInt32(queues.count) else { return object(.noSuchQueue) }
    notifications[Int(index), default: 0] += 1
    guard isRunning else { return object(.notifiedTooEarly) }
    look(Int(index))
    if index == 1, sendsAtOnce { send() }
  }

  /// Looks what the driver has made available.
  func look(_ index: Int) {
    if command & 4 == 0 { object(.notBusMaster) }
    beforeLooking?(self)
    var found: [Violation] = []
    let known = queues[index].waiting.count
    queues[index].look(memory) { found.append($0) }
    for chain in queues[index].waiting.dropFirst(known) {
      if chain.parts.contains(where: { $0.isWritable != (index == 0) }) {
        found.append(.wrongDirection)
      }
      if needsOwnHeader, chain.parts.first?.length != headerSize {
        found.append(.headerNotSeparate)
      }
      if index == 0, chain.length < headerSize + 1514 {
        found.append(.receiveBufferTooSmall)
      }
    }
    found.forEach(object)
  }

  /// §2.7.4: a legacy driver without ANY_LAYOUT.
  private var needsOwnHeader: Bool {
    !isModernDriver && accepted & 1 << 27 == 0
  }
}
