import Packets

/// Which parts of the stream that came before their turn the peer is told of:
/// selective acknowledgements, as the receiver sends them. RFC 2018 §4,
/// RFC 2883.
///
///     RCV.NXT
///     | missing | block | missing | block | missing | block |
///                 third             first             second
///
/// The blocks are in the order in which they last grew, so that with three of
/// them in each acknowledgement each is told at least three times. An older one
/// beyond the fourth is forgotten here, and told again when it grows.
struct SelectiveBlocks {
  private var blocks = InlineArray<4, SACKBlock>(repeating: SACKBlock())
  private var duplicate = SACKBlock()
  /// Whether both SYNs permitted them. RFC 2018 §2.
  private(set) var isOn = false
  private(set) var count: UInt8 = 0
  private var hasDuplicate = false

  private static let most: UInt8 = 4

  /// Whether there is something to tell.
  var isEmpty: Bool { count == 0 && !hasDuplicate }

  /// The block at `index`, that which grew last first.
  subscript(index: Int) -> SACKBlock { blocks[index] }

  /// Both ends permit them.
  mutating func turnOn() { isOn = true }

  /// `block` has come, and is the whole run that the segment which came is in.
  /// RFC 2018 §4: it is the first from now on; those in it are told with it.
  mutating func grew(_ block: SACKBlock) {
    guard isOn else { return }
    var kept = InlineArray<4, SACKBlock>(repeating: block)
    var keptCount: UInt8 = 1
    for index in 0..<Int(count) {
      let other = blocks[index]
      let isApart = other.end < block.start || block.end < other.start
      guard isApart, keptCount < Self.most else { continue }
      kept[Int(keptCount)] = other
      keptCount += 1
    }
    blocks = kept
    count = keptCount
  }

  /// `block` with those that touch it.
  func joined(with block: SACKBlock) -> SACKBlock {
    var joined = block
    for index in 0..<Int(count) {
      let other = blocks[index]
      guard block.start <= other.end, other.start <= block.end else { continue }
      if other.start < joined.start { joined.start = other.start }
      joined.end = SequenceNumber.later(joined.end, other.end)
    }
    return joined
  }

  /// All before `next` has come, and is acknowledged without selection.
  mutating func advance(to next: SequenceNumber) {
    guard count > 0 else { return }
    keep { block in
      if block.start < next { block.start = next }
    }
  }

  /// What is from `end` on was given up again. RFC 2018 §8 allows it, and the
  /// peer keeps what it was told of until it is acknowledged.
  mutating func truncate(from end: SequenceNumber) {
    guard count > 0 else { return }
    keep { block in
      if block.end > end { block.end = end }
    }
  }

  private mutating func keep(_ change: (inout SACKBlock) -> Void) {
    var keptCount: UInt8 = 0
    for index in 0..<Int(count) {
      var block = blocks[index]
      change(&block)
      guard block.start < block.end else { continue }
      blocks[Int(keptCount)] = block
      keptCount += 1
    }
    count = keptCount
  }

  /// What is in `block` came once more. RFC 2883 §4: it is told once, before
  /// all others, by the next acknowledgement.
  mutating func cameAgain(_ block: SACKBlock) {
    guard isOn, block.start < block.end else { return }
    duplicate = block
    hasDuplicate = true
  }

  /// What goes into an acknowledgement that has `room` bytes left for options:
  /// as many blocks as fit, the duplicate first.
  func append(to options: inout TCPOptions, room: Int) {
    var left = min(
      (room - TCPOptions.Length.blocks - 2) / TCPOptions.Length.block,
      TCPOptions.mostBlocks
    )
    if hasDuplicate, left > 0 {
      options.append(duplicate)
      left -= 1
    }
    var index = 0
    while index < Int(count), left > 0 {
      options.append(blocks[index])
      index += 1
      left -= 1
    }
  }

  /// An acknowledgement with them was sent.
  mutating func sent() { hasDuplicate = false }

  /// Forgets all, but that they are permitted.
  mutating func removeAll() {
    count = 0
    hasDuplicate = false
  }
}
