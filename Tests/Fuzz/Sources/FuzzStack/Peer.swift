import Fuzzing

/// What the other end of a connection knows of it, so that what the input says
/// of a segment can be relative to what would be right.
struct Peer {
  /// The port of the stack's end, and its own.
  var local: UInt16
  var port: UInt16
  /// The next number that the peer sends.
  var next: UInt32
  /// The first number that the stack has not sent.
  var end: UInt32 = 0
  /// The oldest of those that it was told of.
  var acknowledged: UInt32 = 0
  /// The last of the stack's timestamps, and the peer's clock.
  var echo: UInt32 = 0
  var clock: UInt32 = 1
  var hasTimestamps = false
  /// Whether the stack's SYN was seen.
  var isSynchronized = false
}

/// A segment of which the input says what it likes.
struct Segment {
  static let fin: UInt8 = 1
  static let syn: UInt8 = 2
  static let rst: UInt8 = 4
  static let ack: UInt8 = 16

  var flags: UInt8
  var number: UInt32
  var acknowledged: UInt32
  var window = 0xFFFF
  var urgent = 0
  var options: [UInt8] = []
  var payload: [UInt8] = []

  /// The options of a SYN: some of maximum segment size, window scale, SACK
  /// permitted and timestamps.
  static func options(ofSYN choice: UInt8, _ peer: Peer) -> [UInt8] {
    var options: [UInt8] = []
    if choice & 1 != 0 { options += [2, 4, 1, choice] }
    if choice & 2 != 0 { options += [1, 3, 3, choice >> 4] }
    if choice & 4 != 0 { options += [1, 1, 4, 2] }
    if choice & 8 != 0 { options += timestamps(peer.clock, peer.echo) }
    return options
  }

  static func timestamps(_ value: UInt32, _ echo: UInt32) -> [UInt8] {
    var option = [UInt8](repeating: 1, count: 12)
    option.replaceSubrange(2..<4, with: [8, 10])
    set32(&option, 4, value)
    set32(&option, 8, echo)
    return option
  }

  /// Selective acknowledgements of `blocks`.
  static func blocks(_ blocks: [(UInt32, UInt32)]) -> [UInt8] {
    var option = [UInt8](repeating: 1, count: 4 + 8 * blocks.count)
    option.replaceSubrange(2..<4, with: [5, UInt8(2 + 8 * blocks.count)])
    for (place, (start, end)) in blocks.enumerated() {
      set32(&option, 4 + 8 * place, start)
      set32(&option, 8 + 8 * place, end)
    }
    return option
  }

  /// The bytes, from the source port on; the checksum is missing.
  func bytes(_ peer: Peer) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: 20)
    set16(&bytes, 0, Int(peer.port))
    set16(&bytes, 2, Int(peer.local))
    set32(&bytes, 4, number)
    set32(&bytes, 8, acknowledged)
    let options = options.prefix(40)
    bytes[12] = UInt8((20 + options.count) / 4) << 4
    bytes[13] = flags
    set16(&bytes, 14, window)
    set16(&bytes, 18, urgent)
    return bytes + options + payload
  }
}
