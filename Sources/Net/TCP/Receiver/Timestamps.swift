/// The timestamps of a connection: the clock that we send, what we echo, and
/// the protection against wrapped sequence numbers. RFC 7323.
///
/// The clock counts milliseconds (RFC 7323 §5.4 allows 1 ms to 1 s) from an
/// offset that a keyed hash gives each pair of ends: nobody learns from it how
/// long the machine has been up, nor of two connections that they are of one
/// machine, and a later connection of the same two ends goes on where the
/// earlier one stopped.
struct Timestamps: Equatable {
  /// What the clock of these two ends is ahead of the machine's.
  let offset: UInt32
  /// TS.Recent: the latest of the peer that is echoed. RFC 7323 §4.3.
  private(set) var recent: UInt32 = 0
  /// Last.ACK.sent. RFC 7323 §4.3.
  private var lastAcknowledgementSent = SequenceNumber(0)
  /// When ``recent`` was taken, in seconds.
  private var recentAt: UInt32 = 0
  /// Whether both SYNs had the option. RFC 7323 §3.2.
  private(set) var isOn = false

  /// RFC 7323 §5.5: half of the time in which a clock of 1 ms wraps, in seconds.
  /// When nothing was taken for longer, ``recent`` is void.
  private static let longestValidity: UInt32 = 24 * 24 * 3600

  init(offset: UInt32) { self.offset = offset }

  // MARK: Our clock

  /// TSval of a segment that is sent now.
  func value(at now: Instant) -> UInt32 {
    now.milliseconds &+ offset
  }

  /// How long ago we sent the TSval that `echo` is, to a millisecond; `nil` if
  /// we have not sent it yet.
  func elapsed(since echo: UInt32, at now: Instant) -> Interval? {
    let age = Int32(bitPattern: value(at: now) &- echo)
    return age < 0 ? nil : .milliseconds(Int64(age))
  }

  // MARK: The peer's

  /// The peer's SYN has come with `option`, and ours had, or will have, one.
  mutating func synchronize(
    with option: TCPOptions.Timestamp?,
    at now: Instant
  ) {
    guard let option else { return }
    isOn = true
    recent = option.value
    recentAt = now.seconds
  }

  /// Whether a segment with the TSval `value` is older than what was taken
  /// already, and so a duplicate whose numbers only seem to be new. RFC 7323
  /// §5.3, R1.
  func isOld(_ value: UInt32, at now: Instant) -> Bool {
    Int32(bitPattern: value &- recent) < 0
      && now.seconds &- recentAt < Self.longestValidity
  }

  /// A segment that begins at `sequence` and is acceptable came with the TSval
  /// `value`.
  ///
  /// RFC 7323 §4.3 (2): it is taken if it is not older and the segment begins
  /// where an acknowledgement told the peer to go on, or before. So of several
  /// segments that one delayed acknowledgement is for, the earliest is echoed,
  /// and a hole is until it is filled.
  mutating func take(
    _ value: UInt32,
    at sequence: SequenceNumber,
    _ now: Instant
  ) {
    guard sequence <= lastAcknowledgementSent, !isOld(value, at: now) else {
      return
    }
    recent = value
    recentAt = now.seconds
  }

  /// An acknowledgement of all before `next` is sent.
  mutating func acknowledged(upTo next: SequenceNumber) {
    lastAcknowledgementSent = next
  }

  // MARK: The offset

  /// The offset of the clock between these two ends.
  static func offset(
    local: Endpoint,
    remote: Endpoint,
    secret: SipHash.Key
  ) -> UInt32 {
    var hash = SipHash(key: secret)
    hash.combine(local.address)
    hash.combine(remote.address)
    // This bit keeps these hashes apart from those of `InitialSequenceNumber`
    // and `EphemeralPorts`, which are made with the same key.
    hash.combine(
      1 << 62 | UInt64(local.port) << 16 | UInt64(remote.port)
    )
    return UInt32(truncatingIfNeeded: hash.finalize())
  }
}
