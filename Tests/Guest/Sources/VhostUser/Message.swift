/// What QEMU asks of a device. vhost-user, "Front-end message types".
enum Request: UInt32 {
  case getFeatures = 1
  case setFeatures = 2
  case setOwner = 3
  case resetOwner = 4
  case setMemoryTable = 5
  case setRingSize = 8
  case setRingAddresses = 9
  case setRingBase = 10
  case getRingBase = 11
  case setRingKick = 12
  case setRingCall = 13
  case setRingError = 14
  case getProtocolFeatures = 15
  case setProtocolFeatures = 16
  case getQueueCount = 17
  case setRingEnable = 18
}

/// A message of the vhost-user protocol: a request, and its numbers.
///
///     request 4 · flags 4 · payload's size 4 · payload
struct Message {
  enum Flag {
    /// "the version of the protocol, currently 0x1".
    static let version: UInt32 = 1
    /// On an answer.
    static let reply: UInt32 = 1 << 2
    /// The front end waits for an acknowledgement (REPLY_ACK).
    static let needsReply: UInt32 = 1 << 3
  }

  static let headerSize = 12
  /// More than any message that is understood has.
  static let largestPayload = 1024

  let request: UInt32
  let flags: UInt32
  let payload: [UInt8]
  /// What came with it.
  let files: [FileDescriptor]

  /// The payload's little-endian number of 32 bits at `offset`.
  func number32(_ offset: Int) throws(VhostUserError) -> UInt32 {
    UInt32(truncatingIfNeeded: try number(offset, byteCount: 4))
  }

  /// The payload's little-endian number of 64 bits at `offset`.
  func number64(_ offset: Int) throws(VhostUserError) -> UInt64 {
    try number(offset, byteCount: 8)
  }

  private func number(
    _ offset: Int,
    byteCount: Int
  ) throws(VhostUserError) -> UInt64 {
    guard offset + byteCount <= payload.count else {
      throw .badMessage(
        "request \(request) has \(payload.count) bytes, too few"
      )
    }
    return payload[offset..<offset + byteCount].reversed()
      .reduce(0) { $0 << 8 | UInt64($1) }
  }
}
