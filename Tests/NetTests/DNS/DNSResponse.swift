@testable import Net

/// Writes responses byte by byte, apart from the code under test. RFC 1035 §4.
struct DNSResponse {
  var identifier: UInt16
  var flags: UInt16 = 0x8180
  var questions: [(name: String, kind: UInt16, recordClass: UInt16)]
  var answers: [[UInt8]] = []
  var authorities: [[UInt8]] = []

  /// The response to a query that was sent, with nothing in it.
  init(to query: [UInt8], flags: UInt16 = 0x8180) {
    identifier = query.word(at: 0)
    self.flags = flags
    questions = []
    var labels: [String] = []
    var offset = 12
    while query[offset] != 0 {
      let end = offset + 1 + Int(query[offset])
      labels.append(String(decoding: query[(offset + 1)..<end], as: UTF8.self))
      offset = end
    }
    questions = [
      (
        labels.joined(separator: "."), query.word(at: offset + 1),
        query.word(at: offset + 3)
      )
    ]
  }

  static func name(_ text: String) -> [UInt8] {
    text.split(separator: ".").flatMap { [UInt8($0.utf8.count)] + $0.utf8 }
      + [0]
  }

  static func word(_ value: UInt16) -> [UInt8] {
    [UInt8(value >> 8), UInt8(value & 255)]
  }

  static func record(
    _ owner: String,
    _ kind: UInt16,
    _ seconds: UInt32,
    _ data: [UInt8],
    recordClass: UInt16 = 1
  ) -> [UInt8] {
    name(owner) + word(kind) + word(recordClass)
      + word(UInt16(seconds >> 16)) + word(UInt16(seconds & 0xFFFF))
      + word(UInt16(data.count)) + data
  }

  static func address(
    _ owner: String,
    _ address: [UInt8],
    seconds: UInt32 = 300
  ) -> [UInt8] {
    record(owner, 1, seconds, address)
  }

  static func alias(
    _ owner: String,
    _ target: String,
    seconds: UInt32 = 300
  ) -> [UInt8] {
    record(owner, 5, seconds, name(target))
  }

  /// A SOA record with this time and this last field.
  static func authority(_ seconds: UInt32, minimum: UInt32) -> [UInt8] {
    let numbers = [1, 2, 3, 4, minimum].flatMap {
      word(UInt16($0 >> 16)) + word(UInt16($0 & 0xFFFF))
    }
    return record(
      "example.com",
      6,
      seconds,
      name("ns.example.com") + name("root.example.com") + numbers
    )
  }

  var bytes: [UInt8] {
    var bytes = Self.word(identifier) + Self.word(flags)
    bytes += Self.word(UInt16(questions.count))
    bytes += Self.word(UInt16(answers.count))
    bytes += Self.word(UInt16(authorities.count)) + [0, 0]
    for question in questions {
      bytes += Self.name(question.name) + Self.word(question.kind)
      bytes += Self.word(question.recordClass)
    }
    for record in answers + authorities { bytes += record }
    return bytes
  }
}
