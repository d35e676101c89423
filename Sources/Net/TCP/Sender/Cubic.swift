/// CUBIC: beyond slow start the window is a cubic function of the time since
/// the last reduction, flat where it was when something was lost, so that it
/// grows alike whatever the round trip. RFC 9438, in whole numbers: bytes,
/// milliseconds, and thousandths of a segment.
///
///     cwnd
///      |                                   .
///      | - - - - W_max - - - . . . . - - -
///      |               .
///      |          .
///      |_______.__________________________ time
///            epoch          K
struct Cubic: CongestionAlgorithm {
  /// W_est: what Reno's window would be, in parts of 1,024 to the byte.
  private var estimate: UInt64 = 0
  /// W_max: the window before the last reduction, or less. RFC 9438 §4.7. Zero
  /// after a timeout, when nothing is known.
  private var largest: UInt32 = 0
  /// cwnd_prior: the window when the threshold was last set.
  private var prior: UInt32 = 0
  /// K in milliseconds.
  private var inflection: UInt32 = 0
  /// t_epoch: when this stage of congestion avoidance began. Moves on with time
  /// in which the app had nothing to send. In milliseconds.
  private var epoch: UInt32 = 0
  /// When an acknowledgement was last seen in this stage. In milliseconds.
  private var latest: UInt32 = 0
  /// Whether there is a stage of congestion avoidance.
  private var isGrowing = false

  /// beta_cubic, in tenths. RFC 9438 §4.6.
  private static let beta = 7
  /// The longest time from the inflection that is computed with: the window is
  /// then beyond any that TCP has.
  private static let farthest: Int64 = 1 << 17

  // MARK: Growth

  mutating func acknowledged(
    _ summary: AcknowledgementSummary,
    _ window: inout CongestionWindow
  ) {
    let now = summary.now.milliseconds
    if !isGrowing { begin(window, at: now) }
    defer { latest = now }
    guard !summary.isLimitedByApp else {
      // RFC 9438 §5.8: such time does not count.
      epoch &+= now &- latest
      return
    }
    growEstimate(by: summary.acknowledged, window)
    let elapsed = Int64(now &- epoch)
    let reno = Int(estimate >> 10)
    if cubic(at: elapsed, window.segmentSize) < reno {
      // RFC 9438 §4.3: the Reno-friendly region.
      window.size = max(window.size, reno)
      return
    }
    // RFC 9438 §4.2: the window of one round trip from now, between what it is
    // and half as much again; §4.4 and §4.5.
    let ahead = elapsed + (summary.smoothed?.milliseconds ?? 0)
    let size = window.size
    let target = min(
      max(cubic(at: ahead, window.segmentSize), size),
      size * 3 / 2
    )
    window.size = size + (target - size) * summary.acknowledged / max(size, 1)
  }

  /// A stage of congestion avoidance begins. RFC 9438 §4.2: K is computed from
  /// the window now, which need not be the share of W_max that was left.
  private mutating func begin(_ window: CongestionWindow, at now: UInt32) {
    isGrowing = true
    epoch = now
    latest = now
    estimate = UInt64(window.size) << 10
    if largest > window.size {
      // The root of (W_max - cwnd) / C, C being 0.4 segments a cubic second.
      let missing = UInt64(largest) - UInt64(window.size)
      let scaled = missing * 2_500_000_000 / UInt64(window.segmentSize)
      inflection = UInt32(CubeRoot.of(scaled))
    } else {
      // RFC 9438 §4.8 and §4.10: nothing was lost here yet.
      largest = UInt32(window.size)
      inflection = 0
    }
  }

  /// W_cubic in bytes, `elapsed` milliseconds after the epoch. RFC 9438 §4.2.
  private func cubic(at elapsed: Int64, _ segmentSize: Int) -> Int {
    let distance = min(
      max(elapsed - Int64(inflection), -Self.farthest),
      Self.farthest
    )
    let thousandths = distance * distance * distance * 4 / 10_000_000
    return Int(largest) + Int(thousandths) * segmentSize / 1000
  }

  /// W_est grows by alpha_cubic segments a window. RFC 9438 §4.3: 9/17, what
  /// makes up for the smaller reduction, and 1 beyond where that was.
  private mutating func growEstimate(
    by acknowledged: Int,
    _ window: CongestionWindow
  ) {
    let isBeyond = estimate >> 10 >= prior
    let segment = UInt64(window.segmentSize)
    let grown =
      segment * UInt64(acknowledged) << 10 / UInt64(max(window.size, 1))
    estimate += isBeyond ? grown : grown * 9 / 17
  }

  // MARK: Reduction

  mutating func reduce(
    for signal: CongestionSignal,
    inFlight: Int,
    _ window: inout CongestionWindow,
    at now: Instant
  ) {
    let size = UInt32(window.size)
    // RFC 9438 §4.7, fast convergence: who has less than the last time leaves
    // more to others.
    largest = size < largest ? UInt32(UInt64(size) * 17 / 20) : size
    prior = size
    isGrowing = false
    // RFC 9438 §4.6: of what is under way, which an app that has little to send
    // keeps below the window.
    window.threshold = max(
      inFlight * Self.beta / 10,
      2 * window.segmentSize
    )
    switch signal {
    case .loss, .echo: window.size = window.threshold
    case .timeout:
      // RFC 9438 §4.8.
      window.size = window.segmentSize
      largest = 0
    }
  }

  // MARK: Rest

  /// RFC 9438 §5.8: time without anything to send does not count.
  mutating func resume(at now: Instant) {
    guard isGrowing else { return }
    epoch &+= now.milliseconds &- latest
    latest = now.milliseconds
  }
}
