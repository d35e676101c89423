import SystemPackage

/// dnsmasq, which gives leases on a ``TAPNetwork``, and may be a name server.
public struct Dnsmasq: Sendable {
  /// The interface that it gives leases on.
  public var device = TAPNetwork.device
  /// What the addresses that it gives begin with.
  public var prefix = "10.64.0."
  /// Their last octets.
  public var range = 50...99
  /// Whether the guest has to renew its lease every
  /// ``TAPNetwork/renewalSeconds``; otherwise when half of its time is over.
  public var hasRenewals = true
  /// Whether it is a name server, too, that knows what ``arguments`` say.
  public var servesNames = false
  /// More of them.
  public var arguments: [String] = []

  private static let timeLimitSeconds = 300

  /// One that gives leases alone.
  ///
  /// - Parameters:
  ///   - hasRenewals: See ``hasRenewals``.
  ///   - arguments: More of them.
  public init(hasRenewals: Bool = true, _ arguments: String...) {
    self.hasRenewals = hasRenewals
    self.arguments = arguments
  }

  /// Runs it while `body` runs; it remembers no lease of before.
  ///
  /// - Parameters:
  ///   - namespace: Where the TAP device is.
  ///   - folder: Where it may write.
  ///   - body: What is done meanwhile.
  public func serving<Result: Sendable>(
    in namespace: NetworkNamespace,
    _ folder: FilePath,
    _ body: (TAPNetwork) async throws -> Result
  ) async throws -> Result {
    // A file of its own for each range: those of others are not ours.
    let leaseFile = folder.appending("leases-\(device)-\(range.lowerBound)")
    return try await withService(
      "timeout",
      // Bounds what a run leaves behind that was killed.
      ["\(Self.timeLimitSeconds)", "dnsmasq"] + allArguments(leaseFile),
      in: namespace
    ) { server in
      try await server.errors.waitForLine(
        containing: "DHCP, sockets bound exclusively to interface",
        within: .seconds(10)
      )
      return try await body(
        TAPNetwork(
          namespace: namespace,
          server: server,
          leaseFile: leaseFile,
          folder: folder
        )
      )
    }.result
  }

  private func allArguments(_ leaseFile: FilePath) -> [String] {
    let addresses =
      "\(prefix)\(range.lowerBound),\(prefix)\(range.upperBound)"
    return [
      "--conf-file=/dev/null",
      // In the foreground, logging to standard error, as the user it is: in a
      // user namespace there is no other.
      "--no-daemon",
      "--no-resolv", "--no-hosts",
      "--interface=\(device)", "--bind-interfaces",
      "--dhcp-range=\(addresses),\(TAPNetwork.leaseSeconds)s",
      "--dhcp-leasefile=\(leaseFile)",
      "--dhcp-authoritative",
      // It would wait for a ping's answer before it offers an address.
      "--no-ping",
    ] + (servesNames ? ["--log-queries"] : ["--port=0"])
      + (hasRenewals ? Self.renewals : []) + arguments
  }

  /// RFC 2132 §9.11 and §9.12: when to renew (T1) and when to rebind (T2). The
  /// time between bounds how long a lost request takes to be repeated.
  private static let renewals = [
    "--dhcp-option-force=58,\(TAPNetwork.renewalSeconds)",
    "--dhcp-option-force=59,\(TAPNetwork.renewalSeconds * 4)",
  ]
}
