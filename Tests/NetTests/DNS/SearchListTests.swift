import Packets
import Testing

@testable import Net

@Suite struct SearchListTests {
  private func names(_ text: String, _ domains: [String]) -> [String]? {
    SearchList(domains.map { DNSName($0)! }).candidates(for: text)?
      .map(\.text)
  }

  @Test(
    arguments: [
      ("a", [], ["a"]),
      ("a", ["x.y", "z"], ["a.x.y", "a.z", "a"]),
      ("a.b", ["x.y", "z"], ["a.b", "a.b.x.y", "a.b.z"]),
      ("a.", ["x.y"], ["a"]),
      ("a.b.", ["x.y"], ["a.b"]),
      // RFC 6762 §3: servers are not asked for names of the link.
      ("a.local", ["x.y"], []),
      ("a.b.LOCAL.", ["x.y"], []),
      ("local", ["x.y"], []),
      ("a", ["local", "x.local", "z"], ["a.z", "a"]),
      ("a.notlocal", [], ["a.notlocal"]),
      ("local.a", [], ["local.a"]),
    ] as [(String, [String], [String])]
  )
  func candidates(_ text: String, _ domains: [String], _ expected: [String]) {
    #expect(names(text, domains) == expected)
  }

  @Test func noName_hasNone() {
    #expect(names("", ["x"]) == nil)
    #expect(names("a..b", ["x"]) == nil)
  }

  @Test func tooLongBelowADomain_isLeftOut() {
    let label = String(repeating: "a", count: 63)
    let long = [label, label, label].joined(separator: ".")
    #expect(names(label, [long, "x"]) == [label + ".x", label])
  }

  @Test func option119_isRFC3397sOwn() throws {
    // §2: eng.apple.com., marketing.apple.com. with a pointer to offset 4.
    let value = hex(
      """
      03 656e67 05 6170706c65 03 636f6d 00
      09 6d61726b6574696e67 c004
      """
    )
    let list = try SearchList(parsing: value.rawBytes)
    #expect(
      list.domains.map(\.text) == ["eng.apple.com", "marketing.apple.com"]
    )
  }

  @Test func option119_moreThanSix_areNotKept() throws {
    let value = (0..<9).flatMap { [1, 0x61 + UInt8($0), 0] as [UInt8] }
    let list = try SearchList(parsing: value.rawBytes)
    #expect(list.domains.map(\.text) == ["a", "b", "c", "d", "e", "f"])
    #expect(SearchList((0..<9).map { _ in .root }).domains.count == 6)
  }

  @Test(
    arguments: [
      "03 656e67",  // no end
      "01 61 00 c005",  // forward
      "01 61 00 c0",
      "41 61 00",
    ]
  )
  func option119_malformed_isRefused(_ wire: String) {
    #expect(throws: DNSError.self) {
      try SearchList(parsing: hex(wire).rawBytes)
    }
  }
}
