import Net

/// What one end of a connection does.
package struct Plan: Sendable {
  /// When what is to be sent is written.
  package enum Pace: Sendable {
    /// As soon as there is room.
    case freely
    /// A request of so many bytes, then the next when so many have come.
    case requests(of: Int, answers: Int)
    /// So many bytes for every so many that have come.
    case answers(of: Int, requests: Int)
    /// A write's worth at a time.
    case steadily(every: Interval)
    /// All of it when the peer has said that it sends no more.
    case afterEnd
  }

  /// When what has come is read.
  package enum Reading: Sendable {
    case atOnce
    case from(Instant)
    case never
    /// So many bytes each time.
    case slowly(bytes: Int, every: Interval)
  }

  /// The bytes to send, and those that have to come.
  package var sends = 0
  package var receives = 0
  package var pace = Pace.freely
  package var reading = Reading.atOnce
  /// The bytes of one write.
  package var writeSize = 16_384
  package var isWithoutDelay = false
  /// Whether it closes its end when all is written; else when the peer has
  /// closed.
  package var closesFirst = true
  /// Ends the connection with a reset once so many bytes have come.
  package var abortsAfter: Int?

  package init(sends: Int = 0, receives: Int = 0) {
    self.sends = sends
    self.receives = receives
  }

  /// Whether it does something only because time has passed.
  var isTimed: Bool {
    if case .steadily = pace { return true }
    switch reading {
    case .atOnce, .never: return false
    case .from, .slowly: return true
    }
  }
}
