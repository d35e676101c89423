/// Interrupts for used buffers. VIRTIO 1.2 §2.7.7, §2.8.14, §4.1.5.4.
extension NetworkDeviceModel {
  /// Interrupts for what was used since the last time, if the driver wants to
  /// hear of it. §2.7.7.2.
  func interruptDriver(queue: Int, packets: Int = 1) {
    let (count, isTimed) = coalescing(queue)
    if isTimed {
      // §5.1.6.5.9: until so many have come, or the time is over.
      coalesced[queue, default: 0] += packets
      if coalesced[queue, default: 0] < count { return }
      coalesced[queue] = nil
    }
    interruptNow(queue: queue)
  }

  private func interruptNow(queue: Int) {
    guard queues[queue].takesInterrupt(memory) else { return }
    interruptSpuriously(queue: queue)
  }

  /// Interrupts whether or not there is something.
  func interruptSpuriously(queue: Int) {
    interruptStatus |= 1
    interrupts.append(isMSIXEnabled ? queues[queue].vector : nil)
  }

  /// The time for which interrupts are held back is over.
  func elapseCoalescing() {
    for queue in coalesced.keys.sorted() { interruptNow(queue: queue) }
    coalesced = [:]
  }

  private func coalescing(_ queue: Int) -> (Int, isTimed: Bool) {
    if queue == controlIndex { return (0, false) }
    let setting =
      isReceive(queue)
      ? control.receiveCoalescing : control.transmitCoalescing
    return (
      Int(setting.packets), setting.packets > 0 && setting.microseconds > 0
    )
  }

  /// Reading takes the line back. §4.1.4.5.
  func takeInterruptStatus() -> UInt8 {
    defer { interruptStatus = 0 }
    return interruptStatus
  }
}
