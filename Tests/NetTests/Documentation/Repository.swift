import Foundation

/// The files of the package that these tests are part of.
enum Repository {
  static let folder = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()

  /// The Swift files below `folder`, without those that were built or fetched.
  static func swiftFiles(below folder: String) throws -> [URL] {
    let root = Self.folder.appendingPathComponent(folder)
    var files: [URL] = []
    for path in try FileManager.default.contentsOfDirectory(
      at: root,
      includingPropertiesForKeys: [.isDirectoryKey],
      options: .skipsHiddenFiles
    ) {
      let values = try path.resourceValues(forKeys: [.isDirectoryKey])
      if values.isDirectory == true {
        files += try swiftFiles(below: folder + "/" + path.lastPathComponent)
      } else if path.pathExtension == "swift" {
        files.append(path)
      }
    }
    return files
  }

  static func bytes(of file: URL) throws -> [UInt8] {
    [UInt8](try Data(contentsOf: file))
  }

  /// The text of a file, by its path in the package.
  static func text(of path: String) throws -> String {
    String(
      decoding: try bytes(of: folder.appendingPathComponent(path)),
      as: UTF8.self
    )
  }
}
