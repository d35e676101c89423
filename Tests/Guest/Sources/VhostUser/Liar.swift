/// Which lie is to be told, how often, and how often it was.
struct Liar {
  private(set) var lie: Lie?
  private(set) var left = 0
  var random: SeededGenerator

  init(seed: UInt64) { random = SeededGenerator(seed: seed) }

  mutating func begin(_ lie: Lie, times: Int) {
    self.lie = lie
    left = times
  }

  /// The lie that is to be told now, if its moment has come; it counts as told.
  mutating func next(_ moment: Lie.Moment) -> Lie? {
    guard let lie, lie.moment == moment, left > 0 else { return nil }
    left -= 1
    return lie
  }

  /// Turns what the device should say of its used chains, the first of them
  /// given to `writableCount` bytes, into the lie.
  static func turn(
    _ completions: [Completion],
    into lie: Lie,
    queue: borrowing DeviceQueue,
    writableCount: Int
  ) -> [Completion] {
    guard var first = completions.first else { return [] }
    var rest = completions.dropFirst()
    switch lie {
    case .receiveIdentifierOutOfRange, .transmitIdentifierOutOfRange:
      first.identifier = UInt32(queue.size)
    case .receiveIdentifierNotInFlight, .transmitIdentifierNotInFlight:
      if let free = queue.identifierNotInFlight(except: first.identifier) {
        first.identifier = free
      } else {
        // All are in flight, until this one is given back.
        rest.insert(first, at: rest.startIndex)
      }
    case .receiveIdentifierTwice, .transmitIdentifierTwice:
      rest.insert(first, at: rest.startIndex)
    case .receiveLengthZero: first.length = 0
    case .receiveLengthShorterThanHeader: first.length = 3
    case .receiveLengthWithoutFrame: first.length = 17
    case .receiveLengthBeyondBuffer: first.length = UInt32(writableCount + 1)
    case .receiveLengthHuge, .transmitLengthHuge: first.length = .max
    default: break
    }
    return [first] + rest
  }
}
