/// What the device does by itself: frames out, frames in, interrupts.
/// VIRTIO 1.2 §5.1.6 and §2.7.
extension NetworkDeviceModel {
  /// Takes the frames that the driver has made available, and gives their
  /// buffers back.
  func send(atMost limit: Int = .max) {
    guard isRunning else { return }
    look(1)
    var count = 0
    while count < limit, let chain = queues[1].next() {
      count += 1
      take(chain)
      // §5.1.6.1: what a legacy device says of the length is rubbish.
      let length: UInt32 = isModernDriver ? 0 : 0xDEAD
      queues[1].use(chain, length: length, memory)
    }
    if count > 0 { interruptDriver(queue: 1) }
  }

  private func take(_ chain: DeviceQueue.Chain) {
    var bytes: [UInt8] = []
    for part in chain.parts {
      bytes += memory.read(part.address, part.length) ?? []
    }
    guard bytes.count >= headerSize + 14 else { return object(.frameTooShort) }
    if bytes[..<headerSize].contains(where: { $0 != 0 }) {
      object(.headerNotZero)
    }
    sent.append(Array(bytes[headerSize...]))
  }

  /// Writes `frame` to the driver's next buffer, behind `header`; says whether
  /// there was one.
  @discardableResult
  func deliver(_ frame: [UInt8], header: [UInt8]? = nil) -> Bool {
    guard isRunning else { return false }
    look(0)
    guard let chain = queues[0].next() else { return false }
    var head = header ?? [UInt8](repeating: 0, count: headerSize)
    // §5.1.6.4.1: one buffer; not set without merged buffers by some.
    if header == nil, headerSize == 12 { head[10] = 1 }
    var rest = (head + frame)[...]
    for part in chain.parts {
      _ = memory.write(part.address, Array(rest.prefix(part.length)))
      rest = rest.dropFirst(part.length)
    }
    queues[0].use(
      chain,
      length: UInt32(head.count + frame.count),
      memory
    )
    interruptDriver(queue: 0)
    return true
  }

  /// The next chain of a queue, for a test to use as no device may.
  func takeChain(_ queue: Int) -> DeviceQueue.Chain? {
    look(queue)
    return queues[queue].next()
  }

  /// Interrupts, unless the driver asked not to. §2.7.7.
  func interruptDriver(queue: Int) {
    guard queues[queue].availableFlags(memory) & 1 == 0 else { return }
    interruptStatus |= 1
    interrupts.append(isMSIXEnabled ? queues[queue].vector : nil)
  }

  /// Changes the link and interrupts for it. §2.5, §4.1.5.4.
  func changeLink(isUp: Bool) {
    linkStatus = isUp ? 1 : 0
    generation &+= 1
    interruptStatus |= 2
    interrupts.append(isMSIXEnabled ? configurationVector : nil)
  }

  /// Says that only a reset helps. §2.1.2.
  func askForReset() {
    status |= 0x40
    interruptStatus |= 2
    interrupts.append(isMSIXEnabled ? configurationVector : nil)
  }

  /// Reading takes the line back. §4.1.4.5.
  func takeInterruptStatus() -> UInt8 {
    defer { interruptStatus = 0 }
    return interruptStatus
  }

  /// Asks the driver not to notify, or to do so again. §2.7.10.
  func suppressNotifications(_ isSuppressed: Bool, queue: Int) {
    memory.store(
      isSuppressed ? 1 : 0 as UInt16,
      at: queues[queue].deviceArea
    )
  }
}
