import GuestHarness

/// What the guest is given to do.
struct Workload {
  let meter: Meter

  private static let pingCount = 1_000
  private static let datagramCount = 4_096
  /// No more than a socket keeps for its app.
  private static let burst = 32
  private static let mebibytes = 8

  private var demo: TAPDemo { meter.demo }

  /// What there is to measure, each with a name.
  func run() async throws -> [(name: String, cost: Cost)] {
    var costs = [("ping reply, 56 bytes", try await ping())]
    // With 8 bytes of UDP, 20 of IPv4 and 14 of Ethernet: 64 and 1,514.
    for (name, size) in [("64-byte packet", 22), ("full-size packet", 1_472)] {
      let (received, sent) = try await datagrams(size: size)
      costs += [("\(name) received", received), ("\(name) sent", sent)]
    }
    costs.append(("MiB received", try await bulk("discard", "received")))
    costs.append(("MiB sent", try await bulk("chargen", "sent")))
    return costs
  }

  private struct Lost: Error, CustomStringConvertible {
    let description: String
  }

  /// One reply, each request sent when the reply before has come.
  private func ping() async throws -> Cost {
    let (cost, _) = try await meter.measure {
      let answered = try await demo.flood(count: Self.pingCount)
      guard answered == Self.pingCount else {
        throw Lost(description: "\(answered) of \(Self.pingCount) pings")
      }
    }
    return cost * (1 / Double(Self.pingCount))
  }

  /// One datagram taken by the app, and one sent by it, in bursts.
  ///
  /// Of a burst to which all are answered and one to which only the last is:
  /// n (r + t) and n r + t, for n datagrams.
  private func datagrams(size: Int) async throws -> (Cost, Cost) {
    let both = try await send(size: size, answered: true)
    let few = try await send(size: size, answered: false)
    let burst = Double(Self.burst)
    let sent = (both - few) * (burst / (burst - 1))
    return (both - sent, sent)
  }

  /// What one datagram of those costs.
  private func send(size: Int, answered: Bool) async throws -> Cost {
    let (cost, count) = try await meter.measure(
      counting: "udp: datagrams received"
    ) {
      try await demo.probe(
        "datagrams",
        port: 7,
        ["--count", "\(Self.datagramCount)", "--size", "\(size)"]
          + ["--burst", "\(Self.burst)"] + (answered ? ["--answered"] : [])
      )
    }
    guard Int(count) == Self.datagramCount else {
      throw Lost(description: "\(count) of \(Self.datagramCount) datagrams")
    }
    return cost * (1 / count)
  }

  /// One MiB of a connection to `service`.
  private func bulk(_ service: String, _ direction: String) async throws -> Cost
  {
    let (cost, count) = try await meter.measure(
      counting: "tcp: bytes \(direction)"
    ) {
      try await demo.probe(
        service,
        port: service == "discard" ? 9 : 19,
        ["--bytes", "\(Self.mebibytes << 20)"]
      )
    }
    return cost * (Double(1 << 20) / count)
  }
}
