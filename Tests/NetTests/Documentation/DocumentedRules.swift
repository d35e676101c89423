import Foundation

/// The rows of a page's tables that say where a rule is obeyed and shown: those
/// of tables with the columns `Code` and `Test`.
struct DocumentedRules {
  struct Row {
    /// Where it is in the page, from 1.
    var line: Int
    var cells: [String]
    var code: [String]
    var tests: [String]
    /// It says that the rule is not obeyed.
    var isRefused: Bool
  }

  private(set) var rows: [Row] = []

  /// Reads a page in Markdown.
  init(of page: String) {
    var columns: (code: Int, test: Int)?
    var isBelowHeader = false
    let lines = page.split(separator: "\n", omittingEmptySubsequences: false)
    for (index, line) in lines.enumerated() {
      guard line.hasPrefix("|") else {
        columns = nil
        isBelowHeader = false
        continue
      }
      let cells = Self.cells(of: line)
      if !isBelowHeader {
        isBelowHeader = true
        if let code = cells.firstIndex(of: "Code"),
          let test = cells.firstIndex(of: "Test")
        {
          columns = (code, test)
        }
        continue
      }
      // The second line of a table is its rule.
      guard let columns, !cells[0].hasPrefix("---") else { continue }
      rows.append(
        Row(
          line: index + 1,
          cells: cells,
          code: Self.names(in: cells, columns.code),
          tests: Self.names(in: cells, columns.test),
          isRefused: line.contains("**not met**")
        )
      )
    }
  }

  private static func cells(of line: Substring) -> [String] {
    line.split(separator: "|").map {
      $0.trimmingCharacters(in: .whitespaces)
    }
  }

  /// What stands between backticks in a cell.
  private static func names(in cells: [String], _ column: Int) -> [String] {
    guard column < cells.count else { return [] }
    return cells[column].split(
      separator: "`",
      omittingEmptySubsequences: false
    ).enumerated().filter { !$0.offset.isMultiple(of: 2) }
      .map { String($0.element) }
  }

  /// What is wrong with the rows: names that nothing has, and cells without any.
  func mistakes(
    code: DeclaredNames,
    tests: DeclaredNames,
    page: String
  ) -> [String] {
    var mistakes: [String] = []
    for row in rows where !row.isRefused {
      let place = "\(page):\(row.line): "
      if row.code.isEmpty { mistakes.append(place + "no code is named") }
      if row.tests.isEmpty { mistakes.append(place + "no test is named") }
      for name in row.code where !code.hasCode(name) {
        mistakes.append(place + "no file or declaration is called \(name)")
      }
      for name in row.tests where !tests.hasTest(name) {
        mistakes.append(place + "no suite or test is called \(name)")
      }
    }
    return mistakes
  }
}
