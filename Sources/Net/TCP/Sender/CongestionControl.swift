/// How the sender's window grows and shrinks.
public enum CongestionControl: Sendable {
  /// CUBIC, RFC 9438: what most hosts have.
  case cubic
  /// Reno, RFC 5681.
  case newReno
}
