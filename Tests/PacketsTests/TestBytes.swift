import Packets

/// The bytes of a span, to compare.
func array(_ span: RawSpan) -> [UInt8] {
  (0..<span.byteCount).map { span.byte(at: $0) }
}

extension PacketPool {
  /// A packet of these bytes; the pool must have a slot.
  func packet(_ bytes: [UInt8], headroom: Int = 0) -> PacketBuffer {
    var packet = allocate(headroom: headroom)!
    packet.append(array: bytes)
    return packet
  }
}

// A span may not outlive what it is a view of, so not the temporary array of a
// literal either; a parameter lives long enough.

extension PacketBuffer {
  mutating func append(array: [UInt8]) { append(copying: array.rawBytes) }
}

extension MutableRawSpan {
  mutating func copy(array: [UInt8], to offset: Int) {
    copy(array.rawBytes, to: offset)
  }
}

extension PacketQueue {
  mutating func appendToLast(array: [UInt8]) {
    appendToLast(copying: array.rawBytes)
  }

  /// The bytes of the first packet, which is taken out.
  mutating func pop() -> [UInt8]? {
    guard let packet = popFirst() else { return nil }
    return array(packet.bytes)
  }

  /// The sizes of all packets; they are taken out.
  mutating func drain() -> [Int] {
    var counts: [Int] = []
    while let packet = popFirst() { counts.append(packet.count) }
    return counts
  }
}

extension ByteQueue {
  mutating func append(array: [UInt8], _ blocks: SendBlocks) -> Int {
    append(array.rawBytes, from: blocks)
  }

  /// The `count` bytes at `offset`.
  mutating func read(_ count: Int, at offset: Int = 0) -> [UInt8] {
    var target = [UInt8](repeating: 0xCC, count: count)
    var span = target.mutableSpan
    var bytes = unsafe span.mutableBytes
    copyBytes(at: offset, to: &bytes)
    return target
  }
}

/// A run of numbers that a seed plays again: SplitMix64 (Steele, Lea and Flood,
/// 2014).
struct SeededNumbers: RandomNumberGenerator {
  var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var word = state
    word = (word ^ word &>> 30) &* 0xBF58_476D_1CE4_E5B9
    word = (word ^ word &>> 27) &* 0x94D0_49BB_1331_11EB
    return word ^ word &>> 31
  }
}
