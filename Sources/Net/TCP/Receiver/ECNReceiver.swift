/// The receiver's part of explicit congestion notification: who marked a packet
/// on its way is told to its sender, until that says that it has heard.
/// RFC 3168 §6.1.
struct ECNReceiver: Equatable {
  /// Whether both SYNs asked for it. RFC 3168 §6.1.1.
  private(set) var isOn = false
  /// Whether acknowledgements carry ECE.
  private(set) var isEchoing = false

  /// What the flags of a SYN, or of a SYN,ACK, ask for. RFC 3168 §6.1.1: a SYN
  /// that asks has both, a SYN,ACK that agrees has ECE only; one with both
  /// comes from a peer that sends back whatever it gets.
  static func isAgreed(_ flags: TCPHeader.Flags) -> Bool {
    flags.contains(.acknowledgement)
      ? flags.contains(.congestionEcho) && !flags.contains(.windowReduced)
      : flags.isSuperset(of: [.congestionEcho, .windowReduced])
  }

  /// Both ends use it.
  mutating func turnOn() { isOn = true }

  /// An acceptable segment came with `flags`, in a datagram marked `codepoint`.
  ///
  /// RFC 3168 §6.1.3: CWR ends the echo, and the mark of the same packet begins
  /// it anew. Returns whether the echo began: then it is sent at once.
  mutating func received(
    _ flags: TCPHeader.Flags,
    _ codepoint: ECNCodepoint,
    hasText: Bool
  ) -> Bool {
    guard isOn else { return false }
    if flags.contains(.windowReduced) { isEchoing = false }
    // RFC 3168 §6.1.5: only text is marked that is in the window; a mark on
    // what carries none is not the sender's to have.
    guard codepoint == .congestion, hasText, !isEchoing else { return false }
    isEchoing = true
    return true
  }
}
