import Foundation

/// The names that the Swift files of a folder declare, as far as tables of the
/// documentation name them.
struct DeclaredNames {
  /// What each file declares, by the file's name without its ending. Files of
  /// one name count as one.
  private var ofFile: [String: Set<String>] = [:]
  /// The tests of each suite.
  private var ofSuite: [String: Set<String>] = [:]

  private static let declaring: Set<String> = [
    "func", "var", "let", "case", "struct", "enum", "class", "protocol",
    "typealias",
  ]

  /// Nothing is declared.
  init() {}

  /// Reads all Swift files below `folder` of the package.
  init(below folder: String) throws {
    for file in try Repository.swiftFiles(below: folder) {
      add(
        try Repository.bytes(of: file),
        file: file.deletingPathExtension().lastPathComponent
      )
    }
  }

  /// Adds what `text`, of a file of this name, declares.
  mutating func add(_ text: [UInt8], file: String) {
    var names = ofFile[file] ?? []
    var suite: String?
    for line in text.split(separator: UInt8(ascii: "\n")) {
      let isIndented = line.first == UInt8(ascii: " ")
      // What stands at the margin begins a suite, or ends one.
      let isSuite = line.first == UInt8(ascii: "@")
      if !isIndented { suite = nil }
      var last = ""
      for word in Self.words(of: line) {
        let name = String(decoding: word, as: UTF8.self)
        if Self.declaring.contains(last) {
          names.insert(name)
          if isSuite, last == "struct" {
            suite = name
            ofSuite[name] = ofSuite[name] ?? []
          } else if last == "func", let suite {
            ofSuite[suite]?.insert(name)
          }
        }
        last = name
      }
    }
    ofFile[file] = names
  }

  /// The names and keywords of a line, up to a comment.
  private static func words(of line: ArraySlice<UInt8>) -> [ArraySlice<UInt8>] {
    var words: [ArraySlice<UInt8>] = []
    var start: Int?
    for index in line.indices {
      switch line[index] {
      case UInt8(ascii: "a")...UInt8(ascii: "z"),
        UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
        if start == nil { start = index }
      case UInt8(ascii: "/") where words.isEmpty && start == nil:
        return []
      default:
        if let first = start { words.append(line[first..<index]) }
        start = nil
      }
    }
    if let start { words.append(line[start...]) }
    return words
  }

  /// Whether `name` is a file, or `FILE.NAME` with something that this file, or
  /// one called `FILE+ANYTHING`, declares.
  func hasCode(_ name: String) -> Bool {
    let parts = name.split(separator: ".", maxSplits: 1).map(String.init)
    guard parts.count == 2 else { return ofFile[name] != nil }
    return ofFile.contains { file, names in
      (file == parts[0] || file.hasPrefix(parts[0] + "+"))
        && names.contains(parts[1])
    }
  }

  /// Whether `name` is a suite, or `SUITE.TEST`.
  func hasTest(_ name: String) -> Bool {
    let parts = name.split(separator: ".", maxSplits: 1).map(String.init)
    guard let tests = ofSuite[parts[0]] else { return false }
    return parts.count == 1 || tests.contains(parts[1])
  }
}
