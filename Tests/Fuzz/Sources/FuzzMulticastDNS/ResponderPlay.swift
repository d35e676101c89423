import Fuzzing
@testable import Net
import Packets

/// A responder and its neighbours.
struct ResponderPlay {
  private static let labels: [[UInt8]] = [
    Array("apus".utf8), [UInt8](repeating: 0x61, count: 63), [], [0x2E],
    [0xFF, 0x61], Array("a.b".utf8),
  ]

  private let input: Input
  private var responder: MulticastDNSResponder
  private var now = Instant(nanoseconds: 0)
  /// When the records last went to everybody.
  private var multicastAt: Instant?
  private var wasAnswering = false

  init(_ input: Input) {
    self.input = input
    responder = MulticastDNSResponder(
      host: Self.labels[input.index(below: Self.labels.count)],
      address: IPv4Address(10, 0, 0, 1),
      random: RandomNumbers(seed: SipHash.Key(1, 2)),
      at: now
    )
  }

  mutating func step() {
    switch input.index(below: 8) {
    case 0, 1: passTime()
    case 2 where input.flag(): responder.linkCameUp(at: now)
    default: receive()
    }
    send()
    checkName()
  }

  /// It says goodbye if it was somebody, and nothing more.
  mutating func end() {
    let isAnswering = responder.isAnswering
    let message = responder.end()
    check((message != nil) == isAnswering, "a goodbye that is not due")
    if let message { checkMessage(message, isGoodbye: true) }
    receive()
    check(responder.poll(at: now + .seconds(10)) == nil, "it speaks again")
    check(responder.deadline == nil, "it waits for something")
  }

  private func checkName() {
    let bytes = responder.name.bytes
    let end = 1 + Int(bytes[0])
    check(1...63 ~= bytes[0], "a label of \(bytes[0]) bytes")
    check(
      Array(bytes[end...]) == Array("\u{5}local\u{0}".utf8),
      "\(responder.name.text)"
    )
  }

  // MARK: Time

  private mutating func passTime() {
    let scale: Int64 = [1, 10, 100][input.index(below: 3)]
    let end = now + .milliseconds(scale * Int64(input.byte()))
    for _ in 0..<64 {
      guard let deadline = responder.deadline, deadline <= end else { break }
      now = max(now, deadline)
      send()
    }
    now = max(now, end)
  }

  /// Takes all that it has to say.
  private mutating func send() {
    var sent = 0
    while let message = responder.poll(at: now) {
      checkMessage(message, isGoodbye: false)
      sent += 1
      check(sent <= 16, "it sends and sends")
    }
    if let deadline = responder.deadline {
      check(deadline > now, "it wants to be asked at once, for nothing")
    }
  }

  // MARK: What it says

  private mutating func checkMessage(
    _ message: MulticastDNSResponder.Message,
    isGoodbye: Bool
  ) {
    let bytes = message.bytes
    let text = bytes.rawBytes
    guard let header = try? DNSHeader(parsing: text) else {
      fatalError("a message of \(bytes.count) bytes")
    }
    check(bytes.count <= 512, "\(bytes.count) bytes")
    let isToAll = message.destination == MulticastDNSResponder.group
    let isResponse = header.flags == 0x8400
    check(isResponse || header.flags == 0, "flags \(header.flags)")
    check(isResponse || isToAll, "one host is asked")
    check(
      isResponse == responder.isAnswering || isGoodbye,
      "it answers before the name is its own, or asks when it is"
    )
    // RFC 6762 §6: a quarter of a second apart even for who defends a name.
    if isResponse, isToAll, !isGoodbye {
      if let last = multicastAt, wasAnswering {
        check(now - last >= .milliseconds(250), "said again at once")
      }
      multicastAt = now
    }
    wasAnswering = responder.isAnswering
    checkRecords(text, header)
  }

  /// All is about its name, and nothing is behind the last record.
  private func checkRecords(_ text: RawSpan, _ header: DNSHeader) {
    var offset = DNSHeader.size
    for _ in 0..<header.questions {
      let question = try? DNSQuestion(parsing: text, at: &offset)
      check(question?.name == responder.name, "a question for another")
    }
    let count = header.answers + header.authorities + header.additionals
    check(count > 0, "it says nothing")
    for _ in 0..<count {
      let record = try? DNSRecord(parsing: text, at: &offset)
      check(record?.name == responder.name, "a record of another")
      check(record?.timeToLive ?? 0 <= 120, "for too long")
    }
    check(offset == text.byteCount, "bytes behind the end")
  }

  // MARK: What it hears

  private mutating func receive() {
    let bytes = message()
    let isNear = input.index(below: 8) != 7
    let origin = MulticastDNSResponder.Origin(
      source: Endpoint(
        address: IPv4Address(10, 0, isNear ? 0 : 1, 2),
        port: input.index(below: 4) == 3 ? 4000 : 5353
      ),
      isMulticast: input.index(below: 4) != 3,
      isOnLink: isNear
    )
    let error = responder.receive(bytes.rawBytes, origin, at: now)
    check(error != .offLink || !isNear, "a neighbour is not heard")
  }

  private func message() -> [UInt8] {
    if input.index(below: 16) == 15 {
      return input.bytes(input.index(below: 64))
    }
    let choice = input.byte()
    let isResponse = choice & 1 != 0
    let flags = choice & 6 == 6 ? Int(input.number(as: UInt16.self)) : 0
    var text = DNSText(
      input,
      identifier: Int(input.byte()),
      flags: (isResponse ? 0x8400 : 0) ^ flags,
      names: [
        responder.name.bytes, Array("\u{1}b\u{5}local\u{0}".utf8), [0],
      ]
    )
    for _ in 0..<input.index(below: 3) {
      text.addQuestion(isRight: input.flag(), kind: input.flag() ? 1 : 255)
    }
    text.addRecords(0, most: 3)
    text.addRecords(1, most: 3)
    text.addRecords(2, most: 1)
    if choice & 0xE0 == 0xE0 { text.spoil() }
    return text.bytes
  }
}
