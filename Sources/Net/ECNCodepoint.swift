/// What the two bits for explicit congestion notification in an internet header
/// say. RFC 3168 §5.
enum ECNCodepoint: UInt8, Sendable {
  /// Not-ECT: the sender would not understand a mark.
  case notCapable = 0b00
  /// ECT(1): it would.
  case capable1 = 0b01
  /// ECT(0): it would; what who does not tell the two apart sends.
  case capable0 = 0b10
  /// CE: congestion was experienced on the way.
  case congestion = 0b11

  /// The code point in the lower two bits of `service`, the header's second
  /// octet in version 4.
  init(service: UInt8) {
    switch service & 0b11 {
    case 0b00: self = .notCapable
    case 0b01: self = .capable1
    case 0b10: self = .capable0
    default: self = .congestion
    }
  }
}
