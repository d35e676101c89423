import Foundation
import Testing

/// Numbers that are kept, so that every change of them is seen: compared to the
/// last digit, and written anew with `UPDATE_SNAPSHOTS=1`.
func compareSnapshot(
  _ name: String,
  _ text: String,
  location: SourceLocation = #_sourceLocation
) throws {
  let file = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent()
    .appendingPathComponent("../../Snapshots/\(name).txt")
    .standardizedFileURL
  if Seed.environment("UPDATE_SNAPSHOTS") != nil {
    try text.write(to: file, atomically: true, encoding: .utf8)
    return
  }
  let kept = try String(contentsOf: file, encoding: .utf8)
  #expect(
    text == kept,
    """
    \(file.path) is another. If that is for the better, write it anew:
      UPDATE_SNAPSHOTS=1 Scripts/simulate.sh --filter \(name)
    and commit it.
    """,
    sourceLocation: location
  )
}

/// Lines of columns as wide as what is in them.
func table(_ rows: [[String]]) -> String {
  let widths = rows[0].indices.map { column in
    rows.map { $0[column].count }.max() ?? 0
  }
  return rows.map { row in
    zip(row, widths)
      .map { String(repeating: " ", count: $1 - $0.count) + $0 }
      .joined(separator: "  ") + "\n"
  }.joined()
}
