import SystemPackage

/// A file of captured packets, read by tshark.
public struct Capture: Sendable {
  /// The file.
  public let file: FilePath

  /// The capture in `file`.
  public init(_ file: FilePath) { self.file = file }

  /// Checks off are tshark's default, since many network cards fill checksums
  /// in after the capture. Ours does not.
  private static let options = ["ip", "tcp", "udp"].flatMap {
    ["-o", "\($0).check_checksum:TRUE"]
  }

  /// What is wrong with a packet, in tshark's language; status 0 is "Bad".
  private static let isBroken =
    (["_ws.malformed"]
    + ["ip", "tcp", "udp", "icmp"].map { "\($0).checksum.status == 0" })
    .joined(separator: " || ")

  /// A line for each packet that matches `filter`: its number, and `fields`,
  /// separated by tabs.
  public func packets(
    matching filter: String,
    fields: [String] = []
  ) async throws -> [String] {
    let fieldOptions = (["frame.number"] + fields).flatMap { ["-e", $0] }
    return try await runCommand(
      "tshark",
      ["-n", "-r", file.string] + Self.options
        + ["-Y", filter, "-T", "fields"] + fieldOptions
    ).split(separator: "\n").map(String.init)
  }

  /// Those of the packets that `macAddress` sent which are malformed or have a
  /// bad checksum.
  public func brokenPackets(from macAddress: String) async throws -> [String] {
    try await packets(
      matching: "eth.src == \(macAddress) && (\(Self.isBroken))",
      fields: ["_ws.col.Protocol", "_ws.col.Info"]
    )
  }
}
