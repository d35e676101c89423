/// Many connections to a guest.
extension TAPDemo {
  /// The addresses of this machine that they come from.
  private static let crowdAddresses = ["10.64.0.11", "10.64.0.12"]

  /// Connects often to the guest's echo, from several addresses, and lets most of
  /// the connections be silent.
  ///
  /// - Parameters:
  ///   - silent: How many are silent.
  ///   - busy: How many exchange bytes.
  ///   - bytes: How many each of these does.
  ///   - seconds: How long all of it may take.
  /// - Returns: What the guest says at each point that `probe crowd --help`
  ///   names.
  public func crowd(
    silent: Int,
    busy: Int,
    bytes: Int = 16_384,
    within seconds: Int
  ) async throws -> [String: GuestStatus] {
    let said = try await probeFromCrowd(
      "crowd",
      [
        "--connections", "\(silent)", "--busy", "\(busy)", "--bytes",
        "\(bytes)",
      ],
      within: seconds
    )
    var points: [String: GuestStatus] = [:]
    for line in said.split(separator: "\n") {
      guard
        let match = line.wholeMatch(
          of: #/crowd: (?<point>\w+)(?<time>[^:]*): (?<json>\{.*)/#
        )
      else { continue }
      let status = try GuestStatus(json: String(match.json))
      points[String(match.point)] = status
      print(
        "crowd: \(match.point)\(match.time): \(status.connectionCount)"
          + " connections, \(try status.counter("heap: bytes in use")) bytes of the"
          + " heap, \(try status.counter("memory: packets in use")) packets"
      )
    }
    return points
  }

  /// What one connection costs, and one exchange on a connection, in
  /// instructions.
  public struct ScaleCost: Sendable {
    /// Connecting, an exchange, and closing.
    public let connection: Double
    /// A few bytes there and back.
    public let exchange: Double
  }

  /// Connects and exchanges, time and again, beside silent connections. The
  /// guest's time-stamp counter has to count instructions.
  ///
  /// - Parameters:
  ///   - counts: How many are silent, one after the other.
  ///   - times: How often each is done.
  /// - Returns: What it costs, for each of `counts`.
  public func scale(
    _ counts: [Int],
    times: Int
  ) async throws -> [ScaleCost] {
    let said = try await probeFromCrowd(
      "scale",
      counts.flatMap { ["--connections", "\($0)"] } + ["--times", "\(times)"],
      within: 250
    )
    var points: [String: GuestStatus] = [:]
    for line in said.split(separator: "\n") {
      guard
        let match = line.wholeMatch(
          of: #/scale: (?<point>\d+ \w+): (?<json>\{.*)/#
        )
      else { continue }
      points[String(match.point)] = try GuestStatus(json: String(match.json))
    }
    return try counts.map { count in
      let statuses = try ["first", "second", "connected", "exchanged"].map {
        guard let status = points["\(count) \($0)"] else {
          throw NoStatus(description: "nothing is said of \(count) \($0)")
        }
        return status
      }
      let ticks = try statuses.map { try Double($0.counter("cpu: busy ticks")) }
      let accepted = try statuses.map {
        try $0.counter("tcp: connections accepted")
      }
      let perStatus = (ticks[1] - ticks[0]) / Double(accepted[1] - accepted[0])
      // The status may have been asked for several times.
      let cost = { (index: Int, connections: Int) in
        let questions = accepted[index] - accepted[index - 1] - connections
        let all = ticks[index] - ticks[index - 1]
        return (all - Double(questions) * perStatus) / Double(times)
      }
      return ScaleCost(connection: cost(2, times), exchange: cost(3, 1))
    }
  }

  private func probeFromCrowd(
    _ command: String,
    _ arguments: [String],
    within seconds: Int
  ) async throws -> String {
    for address in Self.crowdAddresses {
      try await runCommand(
        "ip",
        ["address", "replace", "\(address)/24", "dev", TAPNetwork.device],
        in: network.namespace
      )
    }
    return try await runProbe(
      [
        command, "--host", address, "--port", "7", "--within", "\(seconds)",
      ] + Self.crowdAddresses.flatMap { ["--from", $0] } + arguments,
      in: network.namespace,
      within: .seconds(seconds + 10)
    )
  }
}
