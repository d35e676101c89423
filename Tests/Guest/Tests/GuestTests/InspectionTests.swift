import Foundation
import GuestHarness
import Testing

/// What a guest tells of itself while it runs.
@Suite struct InspectionTests {
  @Test("The status and the connections are there as JSON")
  func json() async throws {
    try await DemoServices.withDemo(GuestOptions()) { _, services in
      try await services.check()
      let status = try await services.json("/status.json")
      let counters = try #require(status["counters"] as? [String: Any])
      #expect(counters["frames received"] as? Int ?? 0 > 0)
      #expect(counters["heap: bytes in use"] as? Int ?? 0 > 0)
      let answer = try await services.json("/connections.json")
      let all = try #require(answer["connections"] as? [[String: Any]])
      #expect(answer["count"] as? Int == all.count)
      // The one that it is asked on, which QEMU's network makes.
      let own = try #require(
        all.first { ($0["local"] as? String)?.hasSuffix(":80") == true }
      )
      #expect(own["local"] as? String == "10.0.2.15:80")
      #expect((own["remote"] as? String)?.hasPrefix("10.0.2.2:") == true)
      #expect(own["congestionWindow"] as? Int ?? 0 > 0)
    }
  }

  @Test("net.trace=1 says a line of each packet, and only it does")
  func trace() async throws {
    var options = GuestOptions()
    options.qemuArguments = ["-append", "net.trace=1"]
    for isTraced in [true, false] {
      let options = isTraced ? options : GuestOptions()
      try await DemoServices.withDemo(options) { guest, services in
        try await services.pingUDP()
        _ = try await services.statusPage()
        // What the guest says of it comes on a way of its own.
        if isTraced {
          try await guest.output.waitForLine(
            containing: " FIN",
            within: .seconds(10)
          )
        }
        let lines = guest.output.lines.filter {
          $0.wholeMatch(of: #/net: \d+\.\d{6} (in|out) [A-Z].*/#) != nil
        }
        guard isTraced else { return #expect(lines == []) }
        for part in [
          " out UDP 0.0.0.0:68 > 255.255.255.255:67 length ",
          " in UDP 10.0.2.2:67 > 255.255.255.255:68 length ",
          " out ARP who has ", " > 10.0.2.15:7 length ",
          " out UDP 10.0.2.15:7 > 10.0.2.2:", " > 10.0.2.15:80 SYN seq ",
          " out TCP 10.0.2.15:80 > ", " SYN,ACK seq ", " FIN",
        ] {
          #expect(lines.contains { $0.contains(part) }, "'\(part)': \(lines)")
        }
      }
    }
  }
}
