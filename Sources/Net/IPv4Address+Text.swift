extension IPv4Address {
  /// The address that `text` writes as four decimal numbers with dots between
  /// them, without zeros before them (RFC 6943 §3.1.1 tells what else people
  /// have read into such texts); `nil` when it is none.
  public init?(_ text: String) {
    var bits: UInt32 = 0
    var parts = 0
    var value: UInt32?
    for byte in text.utf8 {
      switch byte {
      case 0x2E:
        guard let part = value, parts < 3 else { return nil }
        bits = bits << 8 | part
        parts += 1
        value = nil
      case 0x30...0x39:
        // A zero stands alone.
        guard value != 0 else { return nil }
        let next = (value ?? 0) * 10 + UInt32(byte - 0x30)
        guard next <= 255 else { return nil }
        value = next
      default:
        return nil
      }
    }
    guard let value, parts == 3 else { return nil }
    self.init(bits: bits << 8 | value)
  }
}
