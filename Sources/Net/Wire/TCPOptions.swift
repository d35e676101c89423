import Packets

/// A part of the stream that has come before its turn, as a selective
/// acknowledgement names it. RFC 2018 §3.
struct SACKBlock: Equatable, Sendable {
  /// The first number of the block.
  var start = SequenceNumber(0)
  /// The number behind its last.
  var end = SequenceNumber(0)
}

/// The options of a TCP segment that we know. RFC 9293 §3.2.
///
///     kind  length
///     0     1        end of the list
///     1     1        no operation
///     2     4        maximum segment size    RFC 9293 §3.7.1
///     3     3        window scale            RFC 7323 §2.2
///     4     2        SACK permitted          RFC 2018 §2
///     5     2 + 8n   SACK, 1 to 4 blocks     RFC 2018 §3
///     8     10       timestamps              RFC 7323 §3.2
struct TCPOptions: Sendable {
  enum Kind {
    static let endOfList: UInt8 = 0
    static let noOperation: UInt8 = 1
    static let maximumSegmentSize: UInt8 = 2
    static let windowScale: UInt8 = 3
    static let isSACKPermitted: UInt8 = 4
    static let blocks: UInt8 = 5
    static let timestamp: UInt8 = 8
  }

  /// Kind and length included.
  enum Length {
    static let maximumSegmentSize = 4
    static let windowScale = 3
    static let isSACKPermitted = 2
    /// Without any block.
    static let blocks = 2
    static let block = 8
    static let timestamp = 10
  }

  /// What a timestamps option says. RFC 7323 §3.2.
  struct Timestamp: Equatable, Sendable {
    /// TSval: the sender's clock.
    var value: UInt32
    /// TSecr: the latest of the other end that it goes by. Means something with
    /// the flag ACK only.
    var echo: UInt32
  }

  /// The most bytes that the data offset leaves for options. RFC 9293 §3.1.
  static let mostBytes = 40
  /// The most blocks that fit. RFC 2018 §3.
  static let mostBlocks = 4

  /// MSS: the largest segment that the sender takes. RFC 9293 §3.7.1.
  var maximumSegmentSize: UInt16?
  /// The shift count. RFC 7323 §2.2.
  var windowScale: UInt8?
  /// The sender understands selective acknowledgements. RFC 2018 §2.
  var isSACKPermitted = false
  /// The timestamps. RFC 7323 §3.2.
  var timestamp: Timestamp?
  /// Selective acknowledgements, the first ``blockCount`` of them.
  private(set) var blocks = InlineArray<4, SACKBlock>(repeating: SACKBlock())
  private(set) var blockCount = 0
  /// An option's length was wrong, and it and those behind it were not read.
  private(set) var isMalformed = false

  init() {}

  /// Adds a block behind the others.
  ///
  /// - Precondition: There are fewer than ``mostBlocks``.
  mutating func append(_ block: SACKBlock) {
    blocks[blockCount] = block
    blockCount += 1
  }

  // MARK: Reading

  /// Two of no operation, and a timestamps option: what a segment has on most
  /// connections, and nothing else. RFC 7323 appendix A.
  private static let alignedTimestamp: UInt32 = 0x0101_080A

  /// The options in `bytes`.
  init(parsing bytes: RawSpan) {
    if bytes.byteCount == Length.timestamp + 2,
      bytes.bigEndian(at: 0) == Self.alignedTimestamp
    {
      timestamp = Timestamp(
        value: bytes.bigEndian(at: 4),
        echo: bytes.bigEndian(at: 8)
      )
      return
    }
    isMalformed = !parse(bytes)
  }

  /// Reads the options in `bytes` up to the first whose length is wrong. Returns
  /// whether there was none.
  private mutating func parse(_ bytes: RawSpan) -> Bool {
    var offset = 0
    while offset < bytes.byteCount {
      let kind = bytes.byte(at: offset)
      if kind == Kind.endOfList { return true }
      if kind == Kind.noOperation {
        offset += 1
        continue
      }
      // RFC 9293 §3.1 (MUST-7): be prepared for a wrong length.
      let rest = bytes.byteCount - offset
      guard rest >= 2 else { return false }
      let length = Int(bytes.byte(at: offset + 1))
      guard length >= 2, length <= rest,
        take(kind, bytes.extracting(offset + 2..<offset + length))
      else { return false }
      offset += length
    }
    return true
  }

  /// Takes the option of `kind`, which has `value`. Returns whether its length
  /// is the kind's.
  private mutating func take(_ kind: UInt8, _ value: RawSpan) -> Bool {
    let length = value.byteCount + 2
    switch kind {
    case Kind.maximumSegmentSize:
      guard length == Length.maximumSegmentSize else { return false }
      maximumSegmentSize = value.bigEndian(at: 0)
    case Kind.windowScale:
      guard length == Length.windowScale else { return false }
      windowScale = value.byte(at: 0)
    case Kind.isSACKPermitted:
      guard length == Length.isSACKPermitted else { return false }
      isSACKPermitted = true
    case Kind.timestamp:
      guard length == Length.timestamp else { return false }
      timestamp = Timestamp(
        value: value.bigEndian(at: 0),
        echo: value.bigEndian(at: 4)
      )
    case Kind.blocks:
      let count = value.byteCount / Length.block
      guard value.byteCount == count * Length.block,
        1...Self.mostBlocks ~= count
      else { return false }
      blockCount = 0
      for index in 0..<count {
        append(
          SACKBlock(
            start: SequenceNumber(value.bigEndian(at: index * Length.block)),
            end: SequenceNumber(value.bigEndian(at: index * Length.block + 4))
          )
        )
      }
    default:
      // RFC 9293 §3.1 (MUST-6): ignore an option that is not implemented.
      break
    }
    return true
  }

  // MARK: Writing

  /// The bytes that ``write(to:)`` fills: a multiple of 4.
  var length: Int {
    var length = 0
    if maximumSegmentSize != nil { length += Length.maximumSegmentSize }
    if timestamp != nil {
      // With SACK permitted in the place of two of no operation.
      length += Length.timestamp + 2
    } else if isSACKPermitted {
      length += Length.isSACKPermitted
    }
    if windowScale != nil { length += Length.windowScale }
    length = (length + 3) & ~3
    if blockCount > 0 { length += 4 + blockCount * Length.block }
    return length
  }

  /// Writes the options to `target` from `start` on. Words of four bytes stand at
  /// multiples of four: RFC 7323 appendix A.
  ///
  /// - Precondition: `target` has ``length`` bytes there, and that is at most
  ///   ``mostBytes``.
  func write(to target: inout MutableRawSpan, at start: Int = 0) {
    var offset = start
    if let maximumSegmentSize {
      target.storeBigEndian(Kind.maximumSegmentSize, at: offset)
      target.storeBigEndian(UInt8(Length.maximumSegmentSize), at: offset + 1)
      target.storeBigEndian(maximumSegmentSize, at: offset + 2)
      offset += Length.maximumSegmentSize
    }
    if isSACKPermitted {
      target.storeBigEndian(Kind.isSACKPermitted, at: offset)
      target.storeBigEndian(UInt8(Length.isSACKPermitted), at: offset + 1)
      offset += Length.isSACKPermitted
    }
    if let timestamp {
      if isSACKPermitted {
        target.storeBigEndian(Kind.timestamp, at: offset)
        target.storeBigEndian(UInt8(Length.timestamp), at: offset + 1)
        offset += 2
      } else {
        target.storeBigEndian(Self.alignedTimestamp, at: offset)
        offset += 4
      }
      target.storeBigEndian(timestamp.value, at: offset)
      target.storeBigEndian(timestamp.echo, at: offset + 4)
      offset += 8
    }
    if let windowScale {
      target.storeBigEndian(Kind.windowScale, at: offset)
      target.storeBigEndian(UInt8(Length.windowScale), at: offset + 1)
      target.storeBigEndian(windowScale, at: offset + 2)
      offset += Length.windowScale
    }
    // What ends the list ends it for what is behind it, too.
    let padding = blockCount > 0 ? Kind.noOperation : Kind.endOfList
    while (offset - start) & 3 != 0 {
      target.storeBigEndian(padding, at: offset)
      offset += 1
    }
    if blockCount > 0 { writeBlocks(to: &target, at: offset) }
  }

  private func writeBlocks(to target: inout MutableRawSpan, at start: Int) {
    target.storeBigEndian(Kind.noOperation, at: start)
    target.storeBigEndian(Kind.noOperation, at: start + 1)
    target.storeBigEndian(Kind.blocks, at: start + 2)
    let length = Length.blocks + blockCount * Length.block
    target.storeBigEndian(UInt8(length), at: start + 3)
    var offset = start + 4
    for index in 0..<blockCount {
      target.storeBigEndian(blocks[index].start.rawValue, at: offset)
      target.storeBigEndian(blocks[index].end.rawValue, at: offset + 4)
      offset += Length.block
    }
  }
}

extension TCPOptions: Equatable {
  static func == (left: Self, right: Self) -> Bool {
    guard left.maximumSegmentSize == right.maximumSegmentSize,
      left.windowScale == right.windowScale,
      left.isSACKPermitted == right.isSACKPermitted,
      left.timestamp == right.timestamp,
      left.isMalformed == right.isMalformed,
      left.blockCount == right.blockCount
    else { return false }
    for index in 0..<left.blockCount
    where left.blocks[index] != right.blocks[index] {
      return false
    }
    return true
  }
}
