import Packets

/// Puts a response that comes over TCP together: two bytes of length, which may
/// come one by one, and the message. RFC 1035 §4.2.2, RFC 7766 §8.
public struct DNSStreamBuffer: Sendable {
  private let limit: Int
  private var bytes: [UInt8] = []

  /// A buffer for one message of no more than `limit` bytes.
  public init(limit: Int) { self.limit = limit }

  /// `message` behind its length.
  public static func frame(_ message: [UInt8]) -> [UInt8] {
    let length = UInt16(message.count)
    return [UInt8(length >> 8), UInt8(truncatingIfNeeded: length)] + message
  }

  /// Takes the next bytes; what follows the message is not kept.
  ///
  /// - Throws: ``DNSError/truncated`` when the message will not fit.
  public mutating func append(_ more: RawSpan) throws(DNSError) {
    for offset in 0..<more.byteCount {
      if let length, bytes.count == 2 + length { return }
      bytes.append(more.byte(at: offset))
      if let length, length > limit { throw DNSError.truncated }
    }
  }

  private var length: Int? {
    bytes.count < 2 ? nil : Int(bytes[0]) << 8 | Int(bytes[1])
  }

  /// The message, once it is whole.
  public var message: [UInt8]? {
    guard let length, bytes.count == 2 + length else { return nil }
    return Array(bytes[2...])
  }
}
