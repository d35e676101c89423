import NIOCore

/// An endless sequence of bytes that its seed determines, so that the receiver
/// can tell a byte that is wrong, lost, doubled or of another connection.
struct SeededBytes {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  /// The next eight. SplitMix64 (Steele, Lea, Flood 2014).
  mutating func nextWord() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var word = state
    word = (word ^ word >> 30) &* 0xBF58_476D_1CE4_E5B9
    word = (word ^ word >> 27) &* 0x94D0_49BB_1331_11EB
    return word ^ word >> 31
  }

  /// All `count` bytes of it.
  static func buffer(seed: UInt64, count: Int) -> ByteBuffer {
    var generator = Self(seed: seed)
    var buffer = ByteBuffer()
    buffer.reserveCapacity(count + 8)
    while buffer.readableBytes < count {
      buffer.writeInteger(generator.nextWord())
    }
    buffer.moveWriterIndex(to: count)
    return buffer
  }
}

/// Compares what arrives, piece by piece, with what should.
struct Comparison {
  private var expected: ByteBuffer
  private(set) var receivedCount = 0
  private let name: String

  init(expecting expected: ByteBuffer, name: String) {
    self.expected = expected
    self.name = name
  }

  var isComplete: Bool { expected.readableBytes == 0 }

  /// Takes the next bytes.
  ///
  /// - Throws: ``ProbeFailure`` with the offset of the first wrong byte.
  mutating func receive(_ bytes: ByteBuffer) throws {
    guard let slice = expected.readSlice(length: bytes.readableBytes) else {
      throw ProbeFailure(
        "\(name): \(bytes.readableBytes - expected.readableBytes) bytes more"
          + " came than were sent"
      )
    }
    if slice != bytes {
      let offset = zip(slice.readableBytesView, bytes.readableBytesView)
        .prefix { $0 == $1 }.count
      throw ProbeFailure("\(name): byte \(receivedCount + offset) is wrong")
    }
    receivedCount += bytes.readableBytes
  }
}
