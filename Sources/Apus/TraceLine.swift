import Net

/// A line of ``PacketTrace`` in the making.
struct TraceLine {
  private(set) var bytes: [UInt8] = []

  mutating func append(_ text: String) {
    bytes.append(contentsOf: text.utf8)
  }

  mutating func append(_ number: UInt64) { append(String(number)) }

  mutating func append(_ packet: PacketLine) { bytes += packet.bytes }

  /// Seconds, with six digits behind the point.
  mutating func append(_ time: Instant) {
    let microseconds = UInt64(max(time.nanoseconds, 0)) / 1000
    append(microseconds / 1_000_000)
    append(".")
    let digits = String(microseconds % 1_000_000)
    append(String(repeating: "0", count: 6 - digits.utf8.count))
    append(digits)
  }

  /// A count, with its number when it is more than one.
  mutating func append(
    _ separator: String,
    _ name: StaticString,
    _ count: UInt64
  ) {
    append(separator)
    append(name.description)
    guard count > 1 else { return }
    append(" (")
    append(count)
    append(")")
  }
}
