/// A point in time as the world counts it (UTC): seconds since the beginning of
/// 1970, leap seconds not counted, and what is over.
public struct UTCDate: Comparable, Hashable, Sendable {
  /// From the start of NTP's count to 1970. RFC 868.
  static let secondsFrom1900: Int64 = 2_208_988_800

  /// Whole seconds since 1970-01-01, 0:00.
  public let secondsSince1970: Int64
  /// Nanoseconds beyond them, 0 to 999,999,999.
  public let nanosecond: Int32

  /// - Precondition: `nanosecond` is within a second.
  public init(secondsSince1970: Int64, nanosecond: Int32 = 0) {
    precondition(nanosecond >= 0 && nanosecond < 1_000_000_000)
    self.secondsSince1970 = secondsSince1970
    self.nanosecond = nanosecond
  }

  /// Whether `left` is earlier than `right`.
  public static func < (left: UTCDate, right: UTCDate) -> Bool {
    (left.secondsSince1970, left.nanosecond)
      < (right.secondsSince1970, right.nanosecond)
  }

  /// The point `right` after `left`.
  public static func + (left: UTCDate, right: Interval) -> UTCDate {
    let billion: Int64 = 1_000_000_000
    var seconds = left.secondsSince1970 + right.nanoseconds / billion
    var rest = Int64(left.nanosecond) + right.nanoseconds % billion
    if rest < 0 {
      rest += billion
      seconds -= 1
    } else if rest >= billion {
      rest -= billion
      seconds += 1
    }
    return UTCDate(secondsSince1970: seconds, nanosecond: Int32(rest))
  }

  /// How long after `right` `left` is, as far as 64 bits hold: 292 years.
  public static func - (left: UTCDate, right: UTCDate) -> Interval {
    let seconds = left.secondsSince1970 - right.secondsSince1970
    let longest = Int64.max / 1_000_000_000 - 1
    let bounded = min(max(seconds, -longest), longest)
    return Interval(
      nanoseconds: bounded * 1_000_000_000
        + Int64(left.nanosecond - right.nanosecond)
    )
  }

  // MARK: The calendar

  /// Days since 1970, and the second of the day.
  private var day: (number: Int64, second: Int64) {
    let second = (secondsSince1970 % 86_400 + 86_400) % 86_400
    return ((secondsSince1970 - second) / 86_400, second)
  }

  /// Year, month and day of the Gregorian calendar.
  ///
  /// Years are counted from March on, so that the leap day is the last of one,
  /// and in cycles of 400, after which the calendar repeats.
  public var calendarDay: (year: Int, month: Int, day: Int) {
    let days = day.number + 719_468  // since 0000-03-01
    let cycle = (days >= 0 ? days : days - 146_096) / 146_097
    let ofCycle = days - cycle * 146_097
    let leapDays = ofCycle / 1_460 - ofCycle / 36_524 + ofCycle / 146_096
    let yearOfCycle = (ofCycle - leapDays) / 365
    let ofYear =
      ofCycle - (365 * yearOfCycle + yearOfCycle / 4 - yearOfCycle / 100)
    let marchMonth = (5 * ofYear + 2) / 153
    let month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
    let year = yearOfCycle + cycle * 400 + (month <= 2 ? 1 : 0)
    return (
      Int(year), Int(month), Int(ofYear - (153 * marchMonth + 2) / 5 + 1)
    )
  }

  /// Hour, minute and second of the day.
  public var timeOfDay: (hour: Int, minute: Int, second: Int) {
    let second = Int(day.second)
    return (second / 3600, second / 60 % 60, second % 60)
  }

  /// As RFC 3339 writes it, to the second: `2026-03-01T09:05:00Z`.
  public var text: String {
    let (year, month, day) = calendarDay
    let (hour, minute, second) = timeOfDay
    var text: [UInt8] = []
    func append(_ value: Int, width: Int, then mark: UInt8) {
      var divisor = 1
      for _ in 1..<width { divisor *= 10 }
      while divisor > 0 {
        text.append(UInt8(0x30 + value / divisor % 10))
        divisor /= 10
      }
      text.append(mark)
    }
    append(year, width: 4, then: 0x2D)
    append(month, width: 2, then: 0x2D)
    append(day, width: 2, then: 0x54)
    append(hour, width: 2, then: 0x3A)
    append(minute, width: 2, then: 0x3A)
    append(second, width: 2, then: 0x5A)
    return String(decoding: text, as: UTF8.self)
  }
}
