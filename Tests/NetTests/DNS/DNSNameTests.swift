import Packets
import Testing

@testable import Net

@Suite struct DNSNameTests {
  private func parse(
    _ bytes: [UInt8],
    at start: Int = 0
  ) throws(DNSError) -> (name: DNSName, end: Int) {
    var offset = start
    let name = try DNSName(parsing: bytes.rawBytes, at: &offset)
    return (name, offset)
  }

  // MARK: Text

  @Test(
    arguments: [
      ("a", "01 61 00"),
      ("a.", "01 61 00"),
      ("www.Example.com", "03 777777 07 4578616d706c65 03 636f6d 00"),
      ("_x-1.b", "04 5f782d31 01 62 00"),
      (".", "00"),
    ]
  )
  func text_isLabels(_ text: String, _ wire: String) {
    #expect(DNSName(text)?.bytes == hex(wire))
  }

  @Test(
    arguments: [
      "", "..", ".a", "a..b", "a..", "a b", "a\u{0}", "b\u{FC}cher.de",
      String(repeating: "a", count: 64),
    ]
  )
  func text_thatIsNoName_isNone(_ text: String) {
    #expect(DNSName(text) == nil)
  }

  @Test func text_ofTheMost_isAName_andOneByteMoreIsNone() {
    let label = String(repeating: "x", count: 63)
    let three = [label, label, label].joined(separator: ".")
    // 3 * 64 + 62 + 1 = 255 bytes.
    let longest = DNSName(three + "." + String(repeating: "y", count: 61))
    #expect(longest?.bytes.count == 255)
    #expect(DNSName(three + "." + String(repeating: "y", count: 62)) == nil)
  }

  @Test func text_comesBack() {
    for text in ["a", "www.Example.com", "."] {
      #expect(DNSName(text)?.text == text)
    }
    #expect(throws: Never.self) {
      try #expect(parse(hex("02 2e07 00")).name.text == ".?")
    }
  }

  @Test func equality_ignoresCase_inEveryLabel() {
    #expect(DNSName("WWW.eXample.COM") == DNSName("www.Example.com"))
    #expect(DNSName("www.example.con") != DNSName("www.example.com"))
    // Only letters have a case: 0x5B and 0x7B are no pair.
    #expect(DNSName("a[") != DNSName("a{"))
    #expect(DNSName("a@") != DNSName("a`"))
    #expect(
      Set([DNSName("A.b"), DNSName("a.B"), DNSName("a.b.c")]).count == 2
    )
    // The boundaries of labels count, not only the letters.
    #expect(DNSName("ab.c") != DNSName("a.bc"))
  }

  @Test func below_isTheLongerName_orNone() {
    #expect(
      DNSName("a.b")!.below(DNSName("c.d")!) == DNSName("a.b.c.d")
    )
    #expect(DNSName("a")!.below(.root) == DNSName("a"))
    let long = DNSName(
      Array(repeating: String(repeating: "x", count: 60), count: 4)
        .joined(separator: ".")
    )!
    #expect(DNSName("123456789")!.below(long)?.bytes.count == 255)
    #expect(DNSName("1234567890")!.below(long) == nil)
    #expect(DNSName("a.b.c")!.labelCount == 3)
    #expect(DNSName.root.labelCount == 0)
  }

  // MARK: The wire

  @Test func pointers_areFollowed_andTheEndIsBehindTheFirst() throws {
    // 0: F.ISI.ARPA, 12: FOO -> 0, 18: -> 2; RFC 1035 §4.1.4's own.
    let message = hex("01 46 03 495349 04 41525041 00 03 464f4f c000 c002 ff")
    #expect(try parse(message).name == DNSName("f.isi.arpa"))
    #expect(try parse(message).end == 12)
    let second = try parse(message, at: 12)
    #expect(second.name == DNSName("foo.f.isi.arpa"))
    #expect(second.end == 18)
    let third = try parse(message, at: 18)
    #expect(third.name == DNSName("isi.arpa"))
    #expect(third.end == 20)
  }

  @Test(
    arguments: [
      ("", DNSError.truncated),
      ("01", .truncated),
      ("01 61", .truncated),
      ("05 61616161", .truncated),
      ("c0", .truncated),
      ("c000", .nameMalformed),  // itself
      ("c001", .nameMalformed),  // its own half
      ("c005 00", .nameMalformed),  // forward
      ("40 61 00", .nameMalformed),  // RFC 2673's labels
      ("80 61 00", .nameMalformed),
      ("01 61 c000", .nameMalformed),  // a loop through a label
    ] as [(String, DNSError)]
  )
  func malformed_isRefused(_ wire: String, _ error: DNSError) {
    #expect(throws: error) { try parse(hex(wire)) }
  }

  @Test func pointersToAndFro_areRefused() {
    // 0 -> 2 is forward; 2 -> 0, and then forward.
    let message = hex("c002 c000")
    #expect(throws: DNSError.nameMalformed) { try parse(message, at: 2) }
    // Back, but into what was read already.
    let inside = hex("01 61 01 62 c002")
    #expect(throws: DNSError.nameMalformed) { try parse(inside, at: 0) }
  }

  /// 127 pointers, each to the one before it, are as many as a name may have
  /// labels; with one more each record of a message could cost as much as all.
  @Test func longChainOfPointers_isRefused() throws {
    var message = hex("01 7a 00")
    for index in 0..<128 {
      let target = index == 0 ? 0 : 3 + 2 * (index - 1)
      message += [0xC0 | UInt8(target >> 8), UInt8(target & 255)]
    }
    let found = try parse(message, at: message.count - 4)
    #expect(found.name == DNSName("z"))
    #expect(found.end == message.count - 2)
    #expect(throws: DNSError.nameMalformed) {
      try parse(message, at: message.count - 2)
    }
  }

  /// The most labels there can be, each behind a pointer of its own.
  @Test func pointerBeforeEveryLabel_isFollowed() throws {
    var message = hex("00")
    var last = 0
    for _ in 0..<127 {
      let start = message.count
      message += [1, 0x61, 0xC0 | UInt8(last >> 8), UInt8(last & 255)]
      last = start
    }
    let found = try parse(message, at: last)
    #expect(found.name.labelCount == 127)
    #expect(found.name.bytes.count == 255)
  }

  @Test func tooLong_isRefused_alsoThroughPointers() {
    var message: [UInt8] = []
    for _ in 0..<4 { message += [63] + [UInt8](repeating: 0x61, count: 63) }
    message += [0]
    // 4 * 64 + 1 = 257
    #expect(throws: DNSError.nameMalformed) { try parse(message) }
    // 3 * 64 + 1 = 193 are fine, and 63 more from elsewhere are not.
    #expect(throws: Never.self) { try parse(message, at: 64) }
    let start = message.count
    message += [62] + [UInt8](repeating: 0x62, count: 62) + [0xC0, 64]
    #expect(throws: DNSError.nameMalformed) {
      try parse(message, at: start)
    }
  }
}
