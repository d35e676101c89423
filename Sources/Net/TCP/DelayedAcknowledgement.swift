/// When to acknowledge what came. RFC 1122 §4.2.3.2, RFC 5681 §4.2.
struct DelayedAcknowledgement {
  private var time = Instant.never
  /// An acknowledgement is to be sent now.
  private(set) var isDue = false

  /// It is to be sent then, if nothing carries it before.
  var deadline: Instant? { time == .never ? nil : time }

  /// Something came that the peer must hear about at once: out of order,
  /// filling a hole, a FIN, an old segment, an opened window.
  mutating func require() { isDue = true }

  /// A segment in order came: the second one is acknowledged at once
  /// (RFC 5681 §4.2), a single one after `delay`.
  mutating func received(at now: Instant, delay: Interval) {
    if time == .never {
      time = now + delay
    } else {
      isDue = true
    }
  }

  /// Returns whether the wait was over.
  mutating func poll(at now: Instant) -> Bool {
    guard time <= now, !isDue else { return false }
    isDue = true
    time = .never
    return true
  }

  /// A segment with an acknowledgement has gone out, or none is needed.
  mutating func done() {
    isDue = false
    time = .never
  }
}
