import Packets

/// A domain name: its labels, each behind its length, and an empty one at the
/// end. RFC 1035 §3.1.
///
///     3 w w w 7 e x a m p l e 3 c o m 0
///
/// Two names are equal when they differ in the case of letters only. RFC 4343
/// §3.
public struct DNSName: Sendable {
  /// The most bytes of a name, lengths included. RFC 1035 §2.3.4.
  static let limit = 255
  /// The most bytes of a label. RFC 1035 §2.3.4.
  static let labelLimit = 63
  /// The most pointers on the way through a name: as many as a name has labels
  /// at the most, for each pointer leads to one. Without a bound each record of
  /// a message could walk through all others again.
  static let pointerLimit = 127
  /// The two bits that tell a pointer from a length. RFC 1035 §4.1.4.
  static let pointer: UInt8 = 0xC0

  /// The name as it goes over the wire, without pointers.
  let bytes: [UInt8]

  /// The name of the tree's root, which has no label.
  public static var root: DNSName { DNSName(checked: [0]) }

  private init(checked bytes: [UInt8]) { self.bytes = bytes }

  // MARK: Text

  /// The name that `text` writes with dots between its labels; one behind the
  /// last is for whom it may concern. `nil` for what is no name: an empty label
  /// or one of more than 63 bytes, more than 255 bytes in all, or anything that
  /// is not printable ASCII.
  public init?(_ text: String) {
    self.init(ascii: Array(text.utf8))
  }

  /// The name that `text` writes in ASCII; see ``init(_:)``.
  init?(ascii text: [UInt8]) {
    guard !text.isEmpty else { return nil }
    var bytes: [UInt8] = []
    var label: [UInt8] = []
    let isRoot = text == [0x2E]
    for (index, byte) in text.enumerated() {
      if byte == 0x2E {
        if isRoot { break }
        guard Self.append(label, to: &bytes) else { return nil }
        label = []
        if index == text.count - 1 { break }
      } else {
        guard (0x21...0x7E).contains(byte) else { return nil }
        label.append(byte)
      }
    }
    if text.last != 0x2E {
      guard Self.append(label, to: &bytes) else { return nil }
    }
    guard bytes.count < Self.limit else { return nil }
    self.bytes = bytes + [0]
  }

  private static func append(_ label: [UInt8], to bytes: inout [UInt8]) -> Bool
  {
    guard !label.isEmpty, label.count <= labelLimit else { return false }
    bytes.append(UInt8(label.count))
    bytes += label
    return true
  }

  /// The labels with dots between them; the root is a single dot. A byte that
  /// is not printable is a question mark.
  public var text: String {
    guard bytes.count > 1 else { return "." }
    var text: [UInt8] = []
    var offset = 0
    while bytes[offset] != 0 {
      if offset > 0 { text.append(0x2E) }
      let end = offset + 1 + Int(bytes[offset])
      for byte in bytes[(offset + 1)..<end] {
        text.append((0x21...0x7E).contains(byte) ? byte : 0x3F)
      }
      offset = end
    }
    return String(decoding: text, as: UTF8.self)
  }

  // MARK: Parts

  /// How many labels there are; the root is none.
  var labelCount: Int {
    var count = 0
    var offset = 0
    while bytes[offset] != 0 {
      count += 1
      offset += 1 + Int(bytes[offset])
    }
    return count
  }

  /// Whether it is a name of the link, which servers are not asked for: its last
  /// label is "local". RFC 6762 §3.
  var isLocal: Bool {
    let local: InlineArray<7, UInt8> = [5, 0x6C, 0x6F, 0x63, 0x61, 0x6C, 0]
    var last = 0
    var offset = 0
    while bytes[offset] != 0 {
      last = offset
      offset += 1 + Int(bytes[offset])
    }
    guard bytes.count - last == local.count else { return false }
    for index in local.indices
    where Self.fold(bytes[last + index]) != local[index] {
      return false
    }
    return true
  }

  /// This name below `domain`, or `nil` when that would be too long.
  func below(_ domain: DNSName) -> DNSName? {
    guard bytes.count - 1 + domain.bytes.count <= Self.limit else { return nil }
    return DNSName(checked: bytes.dropLast() + domain.bytes)
  }

  // MARK: The wire

  /// Reads the name at `offset`, wherever its pointers lead, and moves `offset`
  /// behind it.
  ///
  /// A pointer leads to a place before all that was read of the name so far, so
  /// that reading ends. RFC 1035 §4.1.4 speaks of a "prior occurrence". And
  /// there are no more than ``pointerLimit`` of them, so that it ends soon.
  init(parsing message: RawSpan, at offset: inout Int) throws(DNSError) {
    var bytes: [UInt8] = []
    var position = offset
    // Where this run of labels began: pointers lead before it.
    var start = offset
    var pointers = 0
    while true {
      guard position < message.byteCount else { throw DNSError.truncated }
      let length = message.byte(at: position)
      switch length & Self.pointer {
      case 0:
        let end = position + 1 + Int(length)
        guard end <= message.byteCount else { throw DNSError.truncated }
        guard bytes.count + 1 + Int(length) <= Self.limit else {
          throw DNSError.nameMalformed
        }
        for index in position..<end {
          bytes.append(message.byte(at: index))
        }
        position = end
        guard length == 0 else { continue }
        if pointers == 0 { offset = position }
        self.init(checked: bytes)
        return
      case Self.pointer:
        guard position + 2 <= message.byteCount else {
          throw DNSError.truncated
        }
        let word: UInt16 = message.bigEndian(at: position)
        let target = Int(word & 0x3FFF)
        guard target < start, pointers < Self.pointerLimit else {
          throw DNSError.nameMalformed
        }
        if pointers == 0 { offset = position + 2 }
        pointers += 1
        start = target
        position = target
      default:
        // RFC 1035 §4.1.4: 10 and 01 are reserved.
        throw DNSError.nameMalformed
      }
    }
  }
}

extension DNSName: Hashable {
  /// The name with all its letters small. The lengths are no letters: they are
  /// below 64.
  var folded: DNSName { DNSName(checked: bytes.map { Self.fold($0) }) }

  private static func fold(_ byte: UInt8) -> UInt8 {
    (0x41...0x5A).contains(byte) ? byte | 0x20 : byte
  }

  /// Whether the names differ in the case of letters at the most.
  public static func == (left: DNSName, right: DNSName) -> Bool {
    guard left.bytes.count == right.bytes.count else { return false }
    for index in left.bytes.indices
    where fold(left.bytes[index]) != fold(right.bytes[index]) {
      return false
    }
    return true
  }

  /// Adds what equal names have in common.
  public func hash(into hasher: inout Hasher) {
    for byte in bytes { hasher.combine(Self.fold(byte)) }
  }
}
