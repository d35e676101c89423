import Foundation
import GuestHarness
import Testing

/// Everything at once on every kind of ring and interrupt: a driver that loses a
/// wake-up stands still sooner or later.
@Suite(.whereTAPIsAllowed) struct SoakTests {
  /// Every way in which rings, interrupts and suppression meet.
  private static let settings: [NetworkSettings] = {
    var settings: [NetworkSettings] = []
    for transport in GuestOptions.Transport.allCases where transport != .auto {
      for ring in NetworkSettings.Ring.allCases {
        for interrupts: NetworkSettings.Interrupts in [
          .threeVectors, .twoVectors, .line,
        ] {
          for offloads: NetworkSettings.Offloads in [.all, .noEventIndex] {
            settings.append(
              NetworkSettings(
                machine: transport.isMMIO ? "microvm" : "pc",
                transport: transport,
                ring: ring,
                interrupts: interrupts,
                offloads: offloads
              )
            )
          }
        }
      }
    }
    return settings.filter(\.isPossible)
  }()

  /// For how many seconds each is tried: in all it is the minute that the tests
  /// have for this, or what the environment's SOAK_SECONDS says.
  private static let secondsEach: Int = {
    let total =
      ProcessInfo.processInfo.environment["SOAK_SECONDS"].flatMap { Int($0) }
      ?? 60
    // Two at a time; a boot takes one of them.
    return max(2, total * 2 / settings.count - 1)
  }()

  /// The longest time that any stream may stand still. A lost packet costs it
  /// less than that.
  private static let mostSeconds = 5

  @Test("Never stands still")
  func soak() async {
    let outcomes = await twoAtATime(Self.settings) { try await Self.run($0) }
    for (settings, outcome) in zip(Self.settings, outcomes) {
      switch outcome {
      case .success(let report): print("\(settings):\n\(report)")
      case .failure(let error): Issue.record("\(settings): \(error)")
      }
    }
  }

  private static func run(_ settings: NetworkSettings) async throws -> String {
    var options = settings.options
    options.timeout = secondsEach + 120
    return try await TAPNetwork.with { network in
      try await TAPDemo.with(options, on: network) { demo in
        let report = try await demo.soak(
          seconds: secondsEach,
          mostSeconds: mostSeconds
        )
        // What hung on a single wake-up is seen only when there is no other.
        let answered = try await demo.flood(count: 20)
        let page = try await demo.statusPage()
        #expect(answered == 20, "\(settings): \(page.counters)")
        let surprises = settings.surprises(on: page)
        #expect(surprises.isEmpty, "\(settings)")
        return report
      }
    }
  }
}
