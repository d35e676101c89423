/// A point in time on a clock that never goes back, in nanoseconds since some
/// start that the caller chose.
///
/// The stack never asks what time it is: it is told.
public struct Instant: Comparable, Hashable, Sendable {
  /// Nanoseconds since the clock's start.
  public var nanoseconds: Int64

  /// The point `nanoseconds` after the clock's start.
  public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

  /// Later than any other: what never comes.
  static let never = Instant(nanoseconds: .max)

  /// Whole seconds since the clock's start, modulo 2^32: over a century.
  var seconds: UInt32 {
    UInt32(truncatingIfNeeded: nanoseconds / 1_000_000_000)
  }

  /// Whole milliseconds since the clock's start, modulo 2^32: over 49 days.
  var milliseconds: UInt32 {
    UInt32(truncatingIfNeeded: nanoseconds / 1_000_000)
  }

  /// The earlier of two times, where there may be none.
  @inline(__always)
  static func earliest(_ left: Instant?, _ right: Instant?) -> Instant? {
    guard let left, let right else { return left ?? right }
    return min(left, right)
  }

  /// Whether `left` is earlier than `right`.
  public static func < (left: Instant, right: Instant) -> Bool {
    left.nanoseconds < right.nanoseconds
  }

  /// The point `right` after `left`.
  public static func + (left: Instant, right: Interval) -> Instant {
    Instant(nanoseconds: left.nanoseconds + right.nanoseconds)
  }

  /// The point `right` before `left`.
  public static func - (left: Instant, right: Interval) -> Instant {
    Instant(nanoseconds: left.nanoseconds - right.nanoseconds)
  }

  /// How long after `right` `left` is.
  public static func - (left: Instant, right: Instant) -> Interval {
    Interval(nanoseconds: left.nanoseconds - right.nanoseconds)
  }
}

/// A length of time in whole nanoseconds: 64 bits, because the packet path
/// computes with it; the standard library's `Duration` has 128.
public struct Interval: Comparable, Hashable, Sendable {
  /// The length in nanoseconds.
  public var nanoseconds: Int64

  /// A length of `nanoseconds`.
  public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

  /// No time at all.
  public static let zero = Interval(nanoseconds: 0)

  /// `count` seconds.
  public static func seconds(_ count: Int64) -> Interval {
    Interval(nanoseconds: count * 1_000_000_000)
  }

  /// `count` milliseconds.
  public static func milliseconds(_ count: Int64) -> Interval {
    Interval(nanoseconds: count * 1_000_000)
  }

  /// `count` microseconds.
  public static func microseconds(_ count: Int64) -> Interval {
    Interval(nanoseconds: count * 1_000)
  }

  /// The length in whole milliseconds, rounded down.
  public var milliseconds: Int64 { nanoseconds / 1_000_000 }

  /// The length in whole microseconds, rounded down.
  public var microseconds: Int64 { nanoseconds / 1_000 }

  /// Whether `left` is shorter than `right`.
  public static func < (left: Interval, right: Interval) -> Bool {
    left.nanoseconds < right.nanoseconds
  }

  /// Both lengths one after the other.
  public static func + (left: Interval, right: Interval) -> Interval {
    Interval(nanoseconds: left.nanoseconds + right.nanoseconds)
  }

  /// `left` without `right`; negative when `right` is longer.
  public static func - (left: Interval, right: Interval) -> Interval {
    Interval(nanoseconds: left.nanoseconds - right.nanoseconds)
  }

  /// `left`, `right` times.
  public static func * (left: Interval, right: Int64) -> Interval {
    Interval(nanoseconds: left.nanoseconds * right)
  }

  /// The part of `left` of which there are `right`.
  public static func / (left: Interval, right: Int64) -> Interval {
    Interval(nanoseconds: left.nanoseconds / right)
  }
}
