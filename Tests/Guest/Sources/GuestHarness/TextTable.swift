/// A table in plain text, each column as wide as its widest cell.
public struct TextTable: CustomStringConvertible, Sendable {
  private let heading: [String]
  private var rows: [[String]] = []

  /// A table without rows.
  public init(_ heading: [String]) { self.heading = heading }

  /// Adds a row with as many cells as the heading has.
  public mutating func add(_ row: [String]) {
    precondition(row.count == heading.count)
    rows.append(row)
  }

  /// The table, a line a row.
  public var description: String {
    let all = [heading] + rows
    let widths = heading.indices.map { column in
      all.reduce(0) { max($0, $1[column].count) }
    }
    return all.map { row in
      zip(row, widths).map { cell, width in
        cell + String(repeating: " ", count: width - cell.count)
      }.joined(separator: "  ")
    }.joined(separator: "\n")
  }
}
