/// A place in the stream of octets of one direction, modulo 2^32.
/// RFC 9293 §3.4.
///
/// Numbers are compared by their distance, so `<` is an order among numbers
/// within 2^31 of each other, as all those of one window are, and not among
/// all: the type is not `Comparable`.
struct SequenceNumber: Hashable, Sendable {
  var rawValue: UInt32

  init(_ rawValue: UInt32) { self.rawValue = rawValue }

  /// The signed distance in octets from `right` to `left`.
  static func - (left: Self, right: Self) -> Int {
    Int(Int32(bitPattern: left.rawValue &- right.rawValue))
  }

  static func + (left: Self, right: Int) -> Self {
    Self(left.rawValue &+ UInt32(truncatingIfNeeded: right))
  }

  static func - (left: Self, right: Int) -> Self {
    Self(left.rawValue &- UInt32(truncatingIfNeeded: right))
  }

  static func += (left: inout Self, right: Int) { left = left + right }

  static func < (left: Self, right: Self) -> Bool { left - right < 0 }
  static func > (left: Self, right: Self) -> Bool { left - right > 0 }
  static func <= (left: Self, right: Self) -> Bool { !(left > right) }
  static func >= (left: Self, right: Self) -> Bool { !(left < right) }

  /// The later of the two.
  static func later(_ left: Self, _ right: Self) -> Self {
    left > right ? left : right
  }
}
