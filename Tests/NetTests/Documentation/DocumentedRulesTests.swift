import Foundation
import Testing

/// The tables of rules name code and tests that there are, so that they cannot
/// go stale, and no RFC that the code goes by is missing.
@Suite struct DocumentedRulesTests {
  /// The pages with such tables, and the least number of rows that they have:
  /// a table whose header is spoilt is not to pass as none.
  static let pages = [("docs/tcp.md", 150), ("docs/ip.md", 110)]

  @Test(arguments: pages)
  func everyRow_namesCodeAndTestsThatThereAre(
    page: String,
    leastRows: Int
  ) throws {
    let rules = DocumentedRules(of: try Repository.text(of: page))
    let code = try DeclaredNames(below: "Sources")
    let tests = try DeclaredNames(below: "Tests")
    #expect(rules.rows.count >= leastRows)
    let mistakes = rules.mistakes(code: code, tests: tests, page: page)
    #expect(mistakes.isEmpty, "\(mistakes.joined(separator: "\n"))")
  }

  @Test func everyRFCOfTheCode_isInATable() throws {
    var documented = Set<String>()
    for (page, _) in Self.pages {
      for row in DocumentedRules(of: try Repository.text(of: page)).rows {
        for cell in row.cells { documented.formUnion(Self.documents(in: cell)) }
      }
    }
    var missing = Set<String>()
    for file in try Repository.swiftFiles(below: "Sources/Net") {
      let text = String(
        decoding: try Repository.bytes(of: file),
        as: UTF8.self
      )
      for document in Self.documents(in: text)
      where !documented.contains(document) {
        missing.insert("\(file.lastPathComponent): \(document)")
      }
    }
    let list = missing.sorted().joined(separator: "\n")
    #expect(missing.isEmpty, "in no table:\n\(list)")
  }

  /// The RFCs that `text` names, also over the end of a line of comment.
  private static func documents(in text: String) -> [String] {
    let words = text.split { $0 == " " || $0 == "\n" || $0 == "/" }
    return zip(words, words.dropFirst()).compactMap { word, next in
      guard word.hasSuffix("RFC") else { return nil }
      let number = next.prefix { $0.isNumber }
      return number.isEmpty ? nil : "RFC \(number)"
    }
  }

  // MARK: The check itself

  private static let page = """
    | Rule | Source | Code | Test |
    |---|---|---|---|
    | a | RFC 1 | `Sender.send` | `SenderTests.sends` |
    | b | RFC 2 | `Sender` | `SenderTests` |

    | Other | Table |
    |---|---|
    | `nothing` | `there` |
    """

  private static var code: DeclaredNames {
    var code = DeclaredNames()
    code.add(
      Array("struct Sender {\n  func send() {}\n}".utf8),
      file: "Sender+Calls"
    )
    code.add(Array("struct Sender {\n  var count = 0\n}".utf8), file: "Sender")
    return code
  }

  private static var tests: DeclaredNames {
    var tests = DeclaredNames()
    let text = """
      @Suite struct SenderTests {
        @Test func sends() {}
      }
      extension Harness {
        func helps() {}
      }
      """
    tests.add(Array(text.utf8), file: "SenderTests")
    return tests
  }

  private static func mistakes(_ page: String) -> [String] {
    DocumentedRules(of: page).mistakes(code: code, tests: tests, page: "page")
  }

  @Test func page_isRead() {
    let rows = DocumentedRules(of: Self.page).rows
    #expect(rows.map(\.line) == [3, 4])
    #expect(rows.map(\.code) == [["Sender.send"], ["Sender"]])
    #expect(rows.map(\.tests) == [["SenderTests.sends"], ["SenderTests"]])
    #expect(Self.mistakes(Self.page) == [])
  }

  @Test(arguments: [
    (
      "Sender.send", "Sender.sent",
      "page:3: no file or declaration is called Sender.sent"
    ),
    (
      "`Sender` ", "`Receiver` ",
      "page:4: no file or declaration is called Receiver"
    ),
    ("`Sender` ", "- ", "page:4: no code is named"),
    (
      "SenderTests.sends", "SenderTests.send",
      "page:3: no suite or test is called SenderTests.send"
    ),
    (
      "SenderTests.sends", "SenderTests.helps",
      "page:3: no suite or test is called SenderTests.helps"
    ),
    ("`SenderTests` ", "- ", "page:4: no test is named"),
  ])
  func wrongName_isAMistake(name: String, wrong: String, mistake: String) {
    let page = Self.page.replacingOccurrences(of: name, with: wrong)
    #expect(Self.mistakes(page) == [mistake])
  }

  @Test func whatIsRefused_needsNone() {
    let page = Self.page.replacingOccurrences(
      of: "`SenderTests` ",
      with: "**not met** "
    )
    #expect(Self.mistakes(page) == [])
  }
}
