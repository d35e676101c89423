import Testing

@testable import Net

@Suite struct UTCDateTests {
  /// Computed by `date -u -d @SECONDS`.
  @Test(
    arguments: [
      (0, "1970-01-01T00:00:00Z"),
      (951_782_400, "2000-02-29T00:00:00Z"),
      (951_868_799, "2000-02-29T23:59:59Z"),
      (951_868_800, "2000-03-01T00:00:00Z"),
      (1_772_355_900, "2026-03-01T09:05:00Z"),
      (4_107_542_399, "2100-02-28T23:59:59Z"),
      (4_107_542_400, "2100-03-01T00:00:00Z"),
      (2_085_978_496, "2036-02-07T06:28:16Z"),
      (-1, "1969-12-31T23:59:59Z"),
      (-2_203_891_200, "1900-03-01T00:00:00Z"),
      (253_402_300_799, "9999-12-31T23:59:59Z"),
    ] as [(Int64, String)]
  )
  func calendar(_ seconds: Int64, _ text: String) {
    #expect(UTCDate(secondsSince1970: seconds).text == text)
  }

  @Test func everyDayOf400Years_followsTheOneBefore() {
    let lengths = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
    var (year, month, day) = (1970, 1, 1)
    for number in 0..<(146_097 as Int64) {
      let date = UTCDate(secondsSince1970: number * 86_400 + 43_200)
      if date.calendarDay != (year, month, day) {
        Issue.record("\(date.text) is not \(year)-\(month)-\(day)")
        return
      }
      let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
      let length = month == 2 && isLeap ? 29 : lengths[month - 1]
      day += 1
      if day > length { (month, day) = (month + 1, 1) }
      if month > 12 { (year, month) = (year + 1, 1) }
    }
    #expect(year == 2370)
  }

  /// RFC 4330 §3: the first era ends in February of 2036.
  @Test(
    arguments: [
      (0x83AA_7E80_0000_0000, "1970-01-01T00:00:00Z", 0),
      (0x8000_0000_0000_0000, "1968-01-20T03:14:08Z", 0),
      (0xFFFF_FFFF_8000_0000, "2036-02-07T06:28:15Z", 500_000_000),
      (0x0000_0000_4000_0000, "2036-02-07T06:28:16Z", 250_000_000),
      (0x7FFF_FFFF_FFFF_FFFF, "2104-02-26T09:42:23Z", 999_999_999),
    ] as [(UInt64, String, Int32)]
  )
  func timestamps_haveTwoEras(
    _ bits: UInt64,
    _ text: String,
    _ nanosecond: Int32
  ) {
    let date = NTPTimestamp(bits: bits).date
    #expect(date.text == text)
    #expect(date.nanosecond == nanosecond)
  }

  @Test func sums_carry() {
    let date = UTCDate(secondsSince1970: 10, nanosecond: 900_000_000)
    #expect(
      date + .milliseconds(200)
        == UTCDate(secondsSince1970: 11, nanosecond: 100_000_000)
    )
    #expect(
      date + .milliseconds(-1_000)
        == UTCDate(secondsSince1970: 9, nanosecond: 900_000_000)
    )
    #expect(
      date + .milliseconds(-901)
        == UTCDate(secondsSince1970: 9, nanosecond: 999_000_000)
    )
    #expect(date + .milliseconds(200) - date == .milliseconds(200))
    #expect(date - (date + .milliseconds(200)) == .milliseconds(-200))
    #expect(date < date + Interval(nanoseconds: 1))
  }

  @Test func farApart_doesNotOverflow() {
    let far = UTCDate(secondsSince1970: 1 << 40)
    #expect(far - UTCDate(secondsSince1970: 0) > .seconds(9_000_000_000))
    #expect(UTCDate(secondsSince1970: 0) - far < .seconds(-9_000_000_000))
  }
}
