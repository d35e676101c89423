/// A part of the stream that was given to the device at once: a segment, or
/// several that the device cuts.
struct SentSegment: Equatable {
  struct Flags: OptionSet, Hashable {
    let rawValue: UInt8
    /// Taken to be lost, and not sent again since.
    static let lost = Flags(rawValue: 1 << 0)
    /// Sent more than once: who acknowledges it does not say which.
    static let retransmitted = Flags(rawValue: 1 << 1)
    /// The peer says that it has it. RFC 2018 §8.
    static let sacked = Flags(rawValue: 1 << 2)
  }

  /// The number of its first octet; SYN and FIN have one as well.
  var start: SequenceNumber
  /// The numbers that it takes. RFC 9293 §3.4 (SEG.LEN).
  var length: UInt32
  /// When it was last sent.
  var sentAt: Instant
  var flags: Flags = []

  /// The number behind its last.
  var end: SequenceNumber { start + Int(length) }

  /// Whether it was sent before what ends at `end` and was sent at `other`. Of
  /// what was sent at once, as what a device cuts, the earlier in the stream.
  /// RFC 8985 §6.2 (RACK_sent_after).
  func isSent(before other: Instant, _ end: SequenceNumber) -> Bool {
    sentAt == other ? self.end < end : sentAt < other
  }
}
