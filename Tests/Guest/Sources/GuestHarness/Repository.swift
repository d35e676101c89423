import SystemPackage

/// Where things are, seen from this file.
public enum Repository {
  /// The top folder.
  public static let root: FilePath = {
    // <root>/Tests/Guest/Sources/GuestHarness/Repository.swift
    var path = FilePath(#filePath)
    for _ in 0..<5 { path.removeLastComponent() }
    return path
  }()

  /// Boots a guest.
  public static let runScript = root.appending("run-qemu.sh")

  /// Builds a guest.
  public static let buildScript = root.appending("Scripts/build-guest.sh")
}
