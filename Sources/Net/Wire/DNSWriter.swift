/// Writes a DNS message from front to back, without pointers: what is written
/// here is a few names long.
struct DNSWriter {
  /// The message so far.
  private(set) var bytes: [UInt8]

  /// A message with nothing behind its header; the counts follow what is added.
  init(identifier: UInt16, flags: UInt16) {
    bytes = []
    bytes.reserveCapacity(128)
    append(identifier)
    append(flags)
    for _ in 0..<8 { bytes.append(0) }
  }

  /// The parts of a message, by the offsets of their counts.
  enum Section: Int {
    case questions = 4
    case answers = 6
    case authorities = 8
    case additionals = 10
  }

  private mutating func count(_ section: Section) {
    // No message here has more than a few.
    bytes[section.rawValue + 1] += 1
  }

  private mutating func append(_ value: UInt16) {
    bytes.append(UInt8(truncatingIfNeeded: value >> 8))
    bytes.append(UInt8(truncatingIfNeeded: value))
  }

  private mutating func append(_ value: UInt32) {
    append(UInt16(truncatingIfNeeded: value >> 16))
    append(UInt16(truncatingIfNeeded: value))
  }

  /// Adds a question.
  mutating func add(_ question: DNSQuestion) {
    count(.questions)
    bytes += question.name.bytes
    append(question.kind)
    append(question.recordClass)
  }

  /// Adds a record to a part; parts come in their order.
  mutating func add(
    _ name: DNSName,
    _ kind: UInt16,
    recordClass: UInt16,
    timeToLive: UInt32,
    _ data: [UInt8],
    to section: Section
  ) {
    count(section)
    bytes += name.bytes
    append(kind)
    append(recordClass)
    append(timeToLive)
    append(UInt16(data.count))
    bytes += data
  }
}
