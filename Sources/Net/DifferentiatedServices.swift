/// How routers are asked to treat a packet: the upper six bits of the second
/// octet of an internet header. RFC 2474 §3.
public struct DifferentiatedServices: Hashable, Sendable {
  /// The code point, 0 to 63.
  public let codepoint: UInt8

  /// As `codepoint` says.
  ///
  /// - Precondition: It is less than 64.
  public init(codepoint: UInt8) {
    precondition(codepoint < 64, "a code point has six bits")
    self.codepoint = codepoint
  }

  /// The code point in the upper six bits of `service`, the header's second
  /// octet in version 4.
  init(service: UInt8) { codepoint = service >> 2 }

  /// As everything else: what all have that ask for nothing. RFC 2474 §4.1.
  public static var standard: Self { Self(codepoint: 0) }
  /// Before everything else, for what is little and must not wait. RFC 3246.
  public static var expedited: Self { Self(codepoint: 46) }
  /// After everything else, for what can wait. RFC 8622.
  public static var lowerEffort: Self { Self(codepoint: 1) }
}
