import Foundation
import SystemPackage

/// What a line does to TCP between this machine and a guest, by rules of
/// nftables: dropped, or marked, by the count, so that a run can be had again.
///
/// The rules see what the TAP device carries, which may be 64 KiB at once where
/// the guest's device merges and cuts.
public struct Impairment: Sendable, CustomStringConvertible {
  /// What it is called.
  public let description: String
  /// What is done to what leaves for the guest.
  let leaving: [String]
  /// What is done to what arrives from it.
  let arriving: [String]

  /// Nothing.
  public static let none = Impairment(
    description: "no impairment",
    leaving: [],
    arriving: []
  )

  /// One of so many segments in each direction is lost.
  public static func loss(oneOf count: Int) -> Impairment {
    let rule = "meta l4proto tcp numgen inc mod \(count) 0 counter drop"
    return Impairment(
      description: "one of \(count) lost",
      leaving: [rule],
      arriving: [rule]
    )
  }

  /// One of so many segments from the guest is lost, in pairs.
  public static func pairsLost(oneOf count: Int) -> Impairment {
    let rule =
      "meta l4proto tcp numgen inc mod \(count) { 0, 1 } counter drop"
    return Impairment(
      description: "two in a row of \(count) lost",
      leaving: [],
      arriving: [rule]
    )
  }

  /// What is capable of it is marked in each direction, one of so many. RFC 3168
  /// §5.
  public static func congestionMarks(oneOf count: Int) -> Impairment {
    let rule =
      "ip ecn { ect0, ect1 } numgen inc mod \(count) 0 counter ip ecn set ce"
    return Impairment(
      description: "one of \(count) marked",
      leaving: [rule],
      arriving: [rule]
    )
  }

  /// What leaves for the guest is marked, capable of it or not, as by a broken
  /// router: where nothing was agreed on, it has to be ignored.
  public static func marksForAll(oneOf count: Int) -> Impairment {
    Impairment(
      description: "one of \(count) marked, capable or not",
      leaving: [
        "meta l4proto tcp numgen inc mod \(count) 0 counter ip ecn set ce"
      ],
      arriving: []
    )
  }

  /// What arrives and fits `condition`, in nftables' language, is counted, and
  /// goes its way.
  public static func counting(_ condition: String) -> Impairment {
    Impairment(
      description: "counted where \(condition)",
      leaving: [],
      arriving: ["\(condition) counter"]
    )
  }

  /// The same for what leaves.
  public static func countingLeaving(_ condition: String) -> Impairment {
    Impairment(
      description: "counted where \(condition)",
      leaving: ["\(condition) counter"],
      arriving: []
    )
  }

  /// What arrives and fits `condition` is lost.
  public static func losing(_ condition: String) -> Impairment {
    Impairment(
      description: "lost where \(condition)",
      leaving: [],
      arriving: ["\(condition) counter drop"]
    )
  }

  /// The first two of what arrives and fits `condition` are lost.
  public static func losingTwo(_ condition: String) -> Impairment {
    Impairment(
      description: "two lost where \(condition)",
      leaving: [],
      arriving: ["\(condition) numgen inc mod 1000000 { 0, 1 } counter drop"]
    )
  }

  /// What leaves and fits `condition` is lost.
  public static func losingLeaving(_ condition: String) -> Impairment {
    Impairment(
      description: "lost where \(condition)",
      leaving: ["\(condition) counter drop"],
      arriving: []
    )
  }

  fileprivate var rules: String {
    let device = TAPNetwork.device
    return """
      table netdev impairment {}
      delete table netdev impairment
      table netdev impairment {
        chain arriving {
          type filter hook ingress device \(device) priority 0;
          \(arriving.joined(separator: "\n"))
        }
        chain leaving {
          type filter hook egress device \(device) priority 0;
          \(leaving.joined(separator: "\n"))
        }
      }
      """
  }
}

extension TAPNetwork {
  /// Impairs the network from now on, as long as it is there, in this way
  /// alone.
  public func impair(_ impairment: Impairment) async throws {
    let file = folder.appending("impairment.nft").string
    try impairment.rules.write(toFile: file, atomically: true, encoding: .utf8)
    try await runCommand("nft", ["--file", file], in: namespace)
  }

  /// How many segments the rules have met.
  public func impaired() async throws -> Int {
    try await runCommand("nft", ["list", "ruleset"], in: namespace)
      .matches(of: #/counter packets (\d+)/#)
      .compactMap { Int($0.1) }.reduce(0, +)
  }

  /// Lets this machine hand over one segment at a time, so that the rules see
  /// each.
  public func sendSingleSegments() async throws {
    try await runCommand(
      "ip",
      ["link", "set", Self.device, "gso_max_segs", "1"],
      in: namespace
    )
  }
}
