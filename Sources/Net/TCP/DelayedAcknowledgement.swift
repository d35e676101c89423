/// When to acknowledge what came. RFC 1122 §4.2.3.2, RFC 5681 §4.2.
struct DelayedAcknowledgement {
  /// ``deadline``, or ``Instant/never``.
  private(set) var next = Instant.never
  /// An acknowledgement is to be sent now.
  private(set) var isDue = false

  /// It is to be sent then, if nothing carries it before.
  var deadline: Instant? { next == .never ? nil : next }

  /// Something came that the peer must hear about at once: out of order,
  /// filling a hole, a FIN, an old segment, an opened window.
  mutating func require() { isDue = true }

  /// A segment in order came: the second one is acknowledged at once
  /// (RFC 5681 §4.2), a single one after `delay`.
  mutating func received(at now: Instant, delay: Interval) {
    if next == .never {
      next = now + delay
    } else {
      isDue = true
    }
  }

  /// Returns whether the wait was over.
  mutating func poll(at now: Instant) -> Bool {
    guard next <= now, !isDue else { return false }
    isDue = true
    next = .never
    return true
  }

  /// A segment with an acknowledgement has gone out, or none is needed.
  mutating func done() {
    isDue = false
    next = .never
  }
}
