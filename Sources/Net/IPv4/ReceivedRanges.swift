/// Which bytes of a datagram are there: ranges in order that do not touch. RFC
/// 815 keeps the holes between them, which is the same seen from the other side.
struct ReceivedRanges: Sendable {
  /// What a new range is to those that are there.
  enum Relation: Equatable, Sendable {
    /// None of its bytes were there; they are now.
    case new
    /// All of its bytes were there.
    case repeated
    /// Some were there and some not.
    case overlapping
    /// There is no place for one more range.
    case full
  }

  /// Parts that come in order, or one after the other from the end, make one
  /// range; so many holes at once have only datagrams that nobody sends.
  static let limit = 16

  private var starts = InlineArray<16, UInt16>(repeating: 0)
  private var ends = InlineArray<16, UInt16>(repeating: 0)
  private(set) var count = 0

  /// How many bytes there are from the first on without a hole.
  var contiguous: Int {
    count > 0 && starts[0] == 0 ? Int(ends[0]) : 0
  }

  /// The end of the last range.
  var end: Int { count > 0 ? Int(ends[count - 1]) : 0 }

  /// Adds `range`, of no more than 65,535 bytes in all, if it overlaps nothing.
  mutating func insert(_ range: Range<Int>) -> Relation {
    var index = 0
    while index < count, Int(ends[index]) < range.lowerBound { index += 1 }
    // Those before `index` end before it, and do not touch it.
    guard index < count else { return place(range, at: index) }
    let (start, end) = (Int(starts[index]), Int(ends[index]))
    if end == range.lowerBound {
      return append(range, behind: index)
    }
    if range.upperBound < start { return place(range, at: index) }
    if range.upperBound == start {
      starts[index] = UInt16(range.lowerBound)
      return .new
    }
    let isInside = start <= range.lowerBound && range.upperBound <= end
    return isInside ? .repeated : .overlapping
  }

  /// Lengthens the range at `index`, and joins it with the next if they touch.
  private mutating func append(_ range: Range<Int>, behind index: Int)
    -> Relation
  {
    guard index + 1 < count, range.upperBound >= Int(starts[index + 1]) else {
      ends[index] = UInt16(range.upperBound)
      return .new
    }
    guard range.upperBound == Int(starts[index + 1]) else {
      return .overlapping
    }
    ends[index] = ends[index + 1]
    for next in (index + 1)..<(count - 1) {
      starts[next] = starts[next + 1]
      ends[next] = ends[next + 1]
    }
    count -= 1
    return .new
  }

  private mutating func place(_ range: Range<Int>, at index: Int) -> Relation {
    guard count < Self.limit else { return .full }
    var place = count
    while place > index {
      starts[place] = starts[place - 1]
      ends[place] = ends[place - 1]
      place -= 1
    }
    starts[index] = UInt16(range.lowerBound)
    ends[index] = UInt16(range.upperBound)
    count += 1
    return .new
  }
}
