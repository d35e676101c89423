/// How much goes out while losses are recovered: in proportion to what arrives,
/// so that the window comes down to ssthresh over one round trip, and neither
/// stops nor bursts. RFC 9937.
struct ProportionalRateReduction {
  /// RecoverFS: what was under way when recovery began.
  private var flightAtStart: UInt32 = 0
  /// prr_delivered.
  private var delivered: UInt32 = 0
  /// prr_out.
  private var sent: UInt32 = 0

  /// Recovery begins, with `inFlight` between SND.UNA and SND.NXT before the
  /// acknowledgement that tells of a loss, and `sacked` of that known to have
  /// come by then.
  mutating func begin(inFlight: Int, sacked: Int) {
    flightAtStart = UInt32(max(inFlight - sacked, 1))
    delivered = 0
    sent = 0
  }

  /// The congestion window after an acknowledgement that tells of `delivered`
  /// bytes, with `pipe` bytes under way now. RFC 9937 §6.2.
  ///
  /// - Parameter isSafe: SafeACK: it moves SND.UNA, and tells of no loss.
  mutating func window(
    delivered newly: Int,
    pipe: Int,
    isSafe: Bool,
    _ window: CongestionWindow
  ) -> Int {
    delivered &+= UInt32(newly)
    let threshold = window.threshold
    let segmentSize = window.segmentSize
    var count: Int
    if pipe > threshold {
      let flight = Int(flightAtStart)
      let due = (Int(delivered) * threshold + flight - 1) / flight
      count = due - Int(sent)
    } else {
      count = max(Int(delivered) - Int(sent), newly)
      if isSafe { count += segmentSize }
      count = min(threshold - pipe, count)
    }
    count = max(count, 0)
    // The first retransmission is never held back.
    if sent == 0, count < segmentSize { count = segmentSize }
    return pipe + count
  }

  /// `bytes` have gone out.
  mutating func sent(_ bytes: Int) { sent &+= UInt32(bytes) }
}
