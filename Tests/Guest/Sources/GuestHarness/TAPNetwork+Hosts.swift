extension TAPNetwork {
  /// Makes another host on the guest's link, a machine of its own as far as
  /// anybody on the link can see, for as long as `body` takes.
  ///
  /// - Parameters:
  ///   - namespace: Where the TAP device is.
  ///   - addresses: Its addresses, such as `10.64.0.2/24`.
  ///   - body: What is done meanwhile, with where the host is.
  public static func withNeighbour<Result: Sendable>(
    of namespace: NetworkNamespace,
    _ addresses: [String],
    body: (NetworkNamespace) async throws -> Result
  ) async throws -> Result {
    let name = "neighbour0"
    return try await withNetworkNamespace(beside: namespace) { host in
      try await setUp(
        [
          ["link", "add", "link", device, "name", name, "type", "macvlan"]
            + ["mode", "bridge"],
          ["link", "set", name, "netns", "\(host.holder)"],
        ],
        in: namespace
      )
      try await setUp(
        [["link", "set", "lo", "up"]]
          + addresses.map { ["address", "add", $0, "dev", name] }
          + [["link", "set", name, "up"]],
        in: host
      )
      return try await body(host)
    }
  }

  /// The address of the host behind the router.
  public static let farAddress = "10.66.0.2"

  /// The interface of this machine that leads to it.
  public static let farDevice = "far0"

  /// Makes this machine a router for the guest, and a host behind it, for as
  /// long as `body` takes.
  ///
  ///     the guest  ⇄  tap0, this machine, far0  ⇄  10.66.0.2/24
  public static func withFarHost<Result: Sendable>(
    behind namespace: NetworkNamespace,
    body: (NetworkNamespace) async throws -> Result
  ) async throws -> Result {
    try await withNetworkNamespace(beside: namespace) { host in
      try await setUp(
        [
          ["link", "add", farDevice, "type", "veth", "peer", "name", "near0"],
          ["link", "set", "near0", "netns", "\(host.holder)"],
          ["address", "add", "10.66.0.1/24", "dev", farDevice],
          ["link", "set", farDevice, "up"],
        ],
        in: namespace
      )
      try await setSystem("net/ipv4/ip_forward", to: "1", in: namespace)
      try await setUp(
        [
          ["address", "add", "\(farAddress)/24", "dev", "near0"],
          ["link", "set", "near0", "up"],
          ["route", "add", "default", "via", "10.66.0.1"],
        ],
        in: host
      )
      return try await body(host)
    }
  }

  /// Runs `ip` with each of `commands`.
  public static func setUp(
    _ commands: [[String]],
    in namespace: NetworkNamespace
  ) async throws {
    for command in commands {
      try await runCommand("ip", command, in: namespace)
    }
  }

  /// Sets what the kernel calls `name` below `/proc/sys`.
  public static func setSystem(
    _ name: String,
    to value: String,
    in namespace: NetworkNamespace
  ) async throws {
    try await runCommand(
      "sh",
      ["-c", "echo \(value) >/proc/sys/\(name)"],
      in: namespace
    )
  }
}
