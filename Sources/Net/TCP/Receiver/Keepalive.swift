/// Whether a peer that has nothing to say is still there. RFC 9293 §3.8.4.
///
/// Off unless the app asks (MUST-24, MUST-25). A probe goes out when nothing
/// was heard for ``idle`` (MUST-26, MUST-28: two hours unless the app says
/// otherwise), while nothing is under way whose acknowledgement would tell. One
/// that is not answered says little, as acknowledgements without text are not
/// sent again (MUST-29): some more follow, and only then it is over.
struct Keepalive: Equatable {
  /// What is to happen.
  enum Action {
    case none
    /// A probe is to be sent.
    case probe
    /// No probe was answered.
    case giveUp
  }

  private var lastHeard = Instant(nanoseconds: 0)
  /// In seconds; zero while it is off.
  private var idle: UInt32 = 0
  private var interval: UInt16 = 0
  private var count: UInt8 = 0
  /// Probes since the peer was heard.
  private var probes: UInt8 = 0
  /// A probe is to be sent now.
  private(set) var isDue = false

  var isOn: Bool { idle > 0 }

  /// Probes after `idle` without a word, then each `interval`, `count` times.
  /// `nil` for the first turns it off.
  mutating func set(
    after idle: Interval?,
    every interval: Interval,
    count: Int,
    at now: Instant
  ) {
    self.idle = idle.map { Self.seconds($0) } ?? 0
    self.interval = UInt16(clamping: Self.seconds(interval))
    self.count = UInt8(clamping: max(count, 1))
    lastHeard = now
    probes = 0
    isDue = false
  }

  private static func seconds(_ interval: Interval) -> UInt32 {
    UInt32(clamping: max(interval.nanoseconds / 1_000_000_000, 1))
  }

  /// When ``poll(at:)`` has something to do.
  var deadline: Instant? {
    guard isOn, !isDue else { return nil }
    return lastHeard + .seconds(Int64(idle))
      + .seconds(Int64(interval)) * Int64(probes)
  }

  /// Something acceptable came.
  mutating func heard(at now: Instant) {
    lastHeard = now
    probes = 0
    isDue = false
  }

  /// What the time asks for.
  mutating func poll(at now: Instant) -> Action {
    guard let deadline, deadline <= now else { return .none }
    if probes >= count { return .giveUp }
    probes += 1
    isDue = true
    return .probe
  }

  /// The probe is on its way.
  mutating func sent() { isDue = false }
}
