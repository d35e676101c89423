import Foundation
import Testing

/// How much test there is of TCP. A line counts when something but a comment is
/// in it.
@Suite struct LineCountTests {
  /// The code.
  static let code = ["Sources/Net/TCP", "Sources/Net/Wire/TCP"]
  /// Its tests: tables of segments, whole stacks on made-up wires that play
  /// nothing but TCP, and the fuzzers of segments and options. What tests TCP
  /// among other things, as the guest's tests do, is not counted.
  static let tests = [
    "Tests/NetTests/TCP", "Tests/NetTests/StackTCPTests",
    "Tests/NetTests/StackConnectionOptionsTests",
    "Tests/NetTests/IPv4/StackPathTests", "Tests/Simulation/",
    "Tests/Fuzz/Sources/FuzzStack", "Tests/Fuzz/Sources/FuzzTCPOptions",
  ]

  @Test func tcp_hasTwoLinesOfTestForEach() throws {
    let code = try Self.lines(in: "Sources", startingWith: Self.code)
    let tests = try Self.lines(in: "Tests", startingWith: Self.tests)
    let ratio = Double(tests) / Double(code)
    print("TCP: \(code) lines of code, \(tests) of tests: \(ratio)")
    #expect(code > 5000)
    #expect(ratio >= 2)
  }

  /// The lines in the files below `folder` whose paths start so.
  private static func lines(
    in folder: String,
    startingWith prefixes: [String]
  ) throws -> Int {
    let root = Repository.folder.path + "/"
    var lines = 0
    for file in try Repository.swiftFiles(below: folder) {
      let path = file.path.dropFirst(root.count)
      guard prefixes.contains(where: { path.hasPrefix($0) }) else { continue }
      lines += count(try Repository.bytes(of: file))
    }
    return lines
  }

  static func count(_ text: [UInt8]) -> Int {
    var lines = 0
    for line in text.split(separator: UInt8(ascii: "\n")) {
      let rest = line.drop { $0 == UInt8(ascii: " ") }
      let isComment = rest.starts(with: Array("//".utf8))
      if !rest.isEmpty, !isComment { lines += 1 }
    }
    return lines
  }

  @Test(arguments: [
    ("", 0), ("\n\n", 0), ("a", 1), ("a\nb\n", 2), ("  // a\n/// b", 0),
    ("   \n", 0), ("a // b", 1), ("  a\n\n  // b\n}", 2),
  ])
  func lines_areThoseWithMoreThanAComment(text: String, count: Int) {
    #expect(Self.count(Array(text.utf8)) == count)
  }
}
