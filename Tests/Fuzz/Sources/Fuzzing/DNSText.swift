/// Messages of the DNS, made of what an input says. RFC 1035 §4.
///
/// Names are those that matter here, others, or compressed in ways right and
/// wrong; counts mostly fit what follows.
public struct DNSText {
  /// The message so far.
  public private(set) var bytes: [UInt8]
  private let input: Input
  /// The names that records are about, as they go over the wire.
  private let names: [[UInt8]]
  /// Where names begin, for pointers.
  private var places: [Int] = []

  /// A message with this identifier and these flags, and nothing in it.
  public init(
    _ input: Input,
    identifier: Int,
    flags: Int,
    names: [[UInt8]]
  ) {
    self.input = input
    self.names = names
    bytes = [UInt8](repeating: 0, count: 12)
    set16(&bytes, 0, identifier)
    set16(&bytes, 2, flags)
  }

  /// Adds a question for the first name, or for any.
  public mutating func addQuestion(isRight: Bool, kind: Int = 1) {
    count(at: 4)
    if isRight {
      places.append(bytes.count)
      bytes += names[0]
      append16(kind)
      append16(1)
    } else {
      addName()
      append16([1, 5, 28, 255, Int(input.byte())][input.index(below: 5)])
      append16([1, 0x8001, 255, Int(input.byte())][input.index(below: 4)])
    }
  }

  /// Adds as many records as the input wants to one of the three sections.
  public mutating func addRecords(_ section: Int, most: Int) {
    for _ in 0..<input.index(below: most + 1) {
      count(at: 6 + 2 * section)
      addName()
      let kind = [1, 1, 5, 6, 47, Int(input.byte())][input.index(below: 6)]
      append16(kind)
      append16([1, 1, 0x8001, Int(input.byte())][input.index(below: 4)])
      let time = input.index(below: 4)
      bytes += time == 0 ? input.bytes(4) : [0, 0, UInt8(time), input.byte()]
      addData(kind)
    }
  }

  /// Makes one of the counts what it is not, or cuts the message.
  public mutating func spoil() {
    switch input.index(below: 3) {
    case 0: set16(&bytes, 4 + 2 * input.index(below: 4), Int(input.byte()))
    case 1: bytes.removeLast(min(input.index(below: 32), bytes.count))
    default:
      let place = Int(input.number(as: UInt16.self)) % bytes.count
      bytes[place] = input.byte()
    }
  }

  private mutating func addData(_ kind: Int) {
    let place = bytes.count
    append16(0)
    switch kind {
    case 1: bytes += input.bytes(input.index(below: 16) == 15 ? 5 : 4)
    case 5: addName()
    case 6:
      addName()
      addName()
      bytes += input.bytes(20)
    default: bytes += input.bytes(input.index(below: 24))
    }
    let isRight = input.index(below: 16) != 15
    let count = bytes.count - place - 2
    set16(&bytes, place, isRight ? count : Int(input.byte()))
  }

  private mutating func addName() {
    switch input.index(below: 8) {
    case 0, 1, 2:
      places.append(bytes.count)
      bytes += names[input.index(below: names.count)]
    case 3, 4:
      // To a name that was there before.
      guard !places.isEmpty else { return bytes.append(0) }
      append16(0xC000 | places[input.index(below: places.count)])
    case 5:
      // Labels, and then a pointer.
      places.append(bytes.count)
      bytes += [1, input.byte()]
      append16(0xC000 | (places.first ?? 0))
    case 6:
      places.append(bytes.count)
      let count = input.index(below: 80)
      bytes.append(UInt8(count))
      bytes += input.bytes(count) + [0]
    default: bytes += input.bytes(input.index(below: 8))
    }
  }

  private mutating func count(at offset: Int) {
    set16(&bytes, offset, Int(bytes[offset + 1]) + 1)
  }

  private mutating func append16(_ value: Int) {
    bytes += [UInt8(truncatingIfNeeded: value >> 8)]
    bytes += [UInt8(truncatingIfNeeded: value)]
  }
}
