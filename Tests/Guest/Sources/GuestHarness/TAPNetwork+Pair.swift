extension TAPNetwork {
  /// Makes such a network with room for two guests, as each sees it:
  ///
  ///     10.64.0.1/24  tap0, a bridge  ⇄  guest0, the first guest
  ///                                   ⇄  guest1, the second
  public static func withPair<Result: Sendable>(
    _ body: (_ first: TAPNetwork, _ second: TAPNetwork) async throws -> Result
  ) async throws -> Result {
    try await withDevice { namespace, folder in
      let ports = ["guest0", "guest1"]
      // The bridge takes the name, so that all else is as with one guest.
      try await setUp(
        [
          ["link", "delete", device],
          ["link", "add", device, "type", "bridge", "mcast_snooping", "0"],
          ["address", "add", "\(hostAddress)/24", "dev", device],
        ]
          + ports.flatMap { port in
            [
              ["tuntap", "add", "dev", port, "mode", "tap"],
              ["link", "set", port, "master", device],
              ["link", "set", port, "up"],
            ]
          } + [["link", "set", device, "up"]],
        in: namespace
      )
      return try await Dnsmasq().serving(in: namespace, folder) { network in
        var (first, second) = (network, network)
        first.guestDevice = ports[0]
        second.guestDevice = ports[1]
        return try await body(first, second)
      }
    }
  }
}
