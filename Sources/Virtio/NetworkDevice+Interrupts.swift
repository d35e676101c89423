import Packets

/// When the device interrupts. VIRTIO 1.2 §2.7.7, §2.8.10, §4.1.4.5.
extension NetworkDevice {
  /// Asks the device not to interrupt: the caller looks for itself.
  public mutating func disableInterrupts() {
    for index in pairs.indices {
      pairs[index].receive.suppressInterrupts()
      if pairs[index].wantsTransmitInterrupt {
        pairs[index].wantsTransmitInterrupt = false
        pairs[index].transmit.suppressInterrupts()
      }
    }
  }

  /// Asks the device to interrupt when a frame comes, and when there is room
  /// again after ``canTransmit()`` said no.
  ///
  /// - Returns: Whether there is something already: the caller must look
  ///   again instead of waiting.
  public mutating func enableInterrupts() -> Bool {
    var hasWork = false
    for index in pairs.indices {
      if pairs[index].receive.requestInterrupts() { hasWork = true }
      if pairs[index].wantsTransmitInterrupt,
        pairs[index].transmit.requestInterrupts()
      {
        hasWork = true
      }
    }
    return hasWork
  }

  /// Answers an interrupt of the device's line.
  public mutating func acknowledgeInterrupt() -> InterruptReasons {
    counters.interrupts &+= 1
    counters.interruptStatusReads &+= 1
    let reasons = transport.acknowledgeInterrupt()
    if transport.answersInterrupts, !reasons.isEmpty {
      counters.interruptAnswers &+= 1
    }
    return reasons
  }

  /// Notes an interrupt by message, which needs no answer.
  public mutating func noteInterrupt() { counters.interrupts &+= 1 }
}
