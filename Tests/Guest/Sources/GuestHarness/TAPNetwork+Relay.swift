import Foundation
import SystemPackage

extension TAPNetwork {
  /// The interface behind the relay.
  private static let relayedDevice = "tap1"

  /// Makes such a network with a bad line between this machine and the guest:
  /// `probe relay` with `rules`.
  ///
  ///     10.64.0.1/24  tap0  ⇄  relay  ⇄  tap1  the guest
  ///
  /// The guest's device must not leave checksums and cutting to others.
  ///
  /// - Returns: What the relay says that it did.
  public static func withRelay(
    _ rules: [String],
    _ body: (TAPNetwork) async throws -> Void
  ) async throws -> String {
    try await withDevice { namespace, folder in
      let name = relayedDevice
      try await setUp(
        [["tuntap", "add", "dev", name, "mode", "tap"]],
        in: namespace
      )
      // What QEMU sends is for the relay alone, which sees it before this does.
      let file = folder.appending("relayed.nft").string
      let rule = """
        table netdev relayed {
          chain arriving {
            type filter hook ingress device \(name) priority 0;
            drop
          }
        }
        """
      try rule.write(toFile: file, atomically: true, encoding: .utf8)
      try await runCommand("nft", ["--file", file], in: namespace)
      try await setUp([["link", "set", name, "up"]], in: namespace)
      let end = try await withService(
        try probeProgram,
        ["relay", "--near", device, "--far", name] + rules,
        in: namespace
      ) { relay in
        try await relay.output.waitForLine(
          containing: "relay: --seed",
          within: .seconds(10)
        )
        try await Dnsmasq().serving(in: namespace, folder) { network in
          var network = network
          network.guestDevice = name
          try await body(network)
        }
      }
      return end.lines.joined(separator: "; ")
    }
  }
}
