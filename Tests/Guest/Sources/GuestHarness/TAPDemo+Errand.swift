/// A guest that runs Errand.
extension TAPDemo {
  /// Lets the guest connect to this machine, and compares what it sends back.
  ///
  /// - Parameters:
  ///   - arguments: More for `probe call`.
  ///   - address: The address of this machine.
  ///   - network: Where that is; `nil`: where the TAP device is.
  public func call(
    _ arguments: [String],
    to address: String = TAPNetwork.hostAddress,
    in network: NetworkNamespace? = nil
  ) async throws {
    try await runProbe(
      ["call", "--host", self.address, "--port", "70", "--to", address]
        + arguments,
      in: network ?? self.network.namespace
    )
  }

  /// Asks the guest for something.
  ///
  /// - Returns: The lines of its answer.
  public func errand(_ line: String) async throws -> [String] {
    try await probe("errand", port: 70, ["--within", "40", line])
      .split(separator: "\n").map(String.init)
  }
}
