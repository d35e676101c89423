import GuestHarness
import Synchronization
import Testing
import VhostUser

/// A device that breaks its side of VIRTIO in every way: the guest lives, what
/// a lie cost is counted, and once the device behaves all is well again.
@Suite struct LyingDeviceTests {
  private static let times = 3

  static let machines = [
    LyingMachine(
      testDescription: "split rings, no offloads",
      features: .plain,
      options: []
    ),
    LyingMachine(
      testDescription: "split rings, all features",
      features: .all,
      options: ["rx_queue_size=1024"]
    ),
    LyingMachine(
      testDescription: "packed rings, no offloads",
      features: [.plain, .packed],
      options: ["packed=on", "rx_queue_size=1024"]
    ),
    LyingMachine(
      testDescription: "packed rings, all features",
      features: .all,
      options: ["packed=on"]
    ),
    LyingMachine(
      testDescription: "legacy",
      features: .all,
      options: ["disable-modern=on"]
    ),
  ]

  @Test("Every lie costs a packet or a reset, never more", arguments: machines)
  func everyLie(_ machine: LyingMachine) async throws {
    let seed = UInt64.random(in: 0...(.max))
    print("lies with seed \(seed)")
    try await machine.boot(seed: seed) { guest in
      let features = guest.device.report.features
      #expect(
        features.contains(.packed) == machine.options.contains("packed=on")
      )
      for lie in Lie.allCases
      where lie.exists(inPacked: features.contains(.packed)) {
        try await check(lie, guest)
      }
      let bytes = (0..<1 << 20).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }
      #expect(try await guest.exchange(port: 7, bytes) == bytes)
      #expect(guest.device.report.violations.isEmpty)
    }
  }

  @Test(
    "Another device of the guest is not disturbed",
    arguments: [false, true]
  )
  func besideAnother(isPacked: Bool) async throws {
    let seed = UInt64.random(in: 0...(.max))
    print("lies beside another device with seed \(seed)")
    let machine = LyingMachine(
      testDescription: "second",
      features: .all,
      options: isPacked ? ["packed=on"] : [],
      isFirst: false
    )
    try await machine.boot(seed: seed) { guest in
      for lie in Lie.allCases where lie.exists(inPacked: isPacked) {
        let (before, after) = try await Self.whileOthersAreServed(guest) {
          try await guest.tell(lie, times: Self.times)
        }
        let restarts = after.starts - before.starts
        print("\(lie) beside another: \(restarts) restarts")
        #expect(after.violations == [], "\(lie)")
        if lie.consequence(after.features) == .reset {
          #expect((1...Self.times).contains(restarts), "\(lie)")
        }
      }
      #expect(guest.panic == nil)
      let page = try await guest.otherServices.statusPage()
      #expect(page.restarts(interface: 1) == guest.restarts)
      #expect(page.restarts(interface: 1) > 0)
      #expect(page.framesDropped(interface: 1) > 0)
      #expect(page.restarts(interface: 0) == 0)
      #expect(page.framesDropped(interface: 0) == 0)
      try await guest.otherServices.check()
    }
  }

  /// Runs `body` while datagrams go over the other device and back, one probe
  /// after the other until it is done.
  private static func whileOthersAreServed(
    _ guest: LyingGuest,
    body: @Sendable () async throws -> (Report, Report)
  ) async throws -> (Report, Report) {
    let isOver = Flag()
    async let probes = {
      var count = 0
      repeat {
        try await guest.otherServices.pingUDP()
        count += 1
      } while !isOver.isSet
      return count
    }()
    defer { isOver.set() }
    let reports = try await body()
    isOver.set()
    #expect(try await probes > 0)
    return reports
  }

  /// Says to another task that it may end.
  private final class Flag: Sendable {
    private let value = Atomic(false)

    var isSet: Bool { value.load(ordering: .acquiring) }
    func set() { value.store(true, ordering: .releasing) }
  }

  private func check(_ lie: Lie, _ guest: LyingGuest) async throws {
    let pageBefore = try await guest.statusPage()
    let restartsBefore = guest.restarts
    let (before, after) = try await guest.tell(lie, times: Self.times)
    let page = try await guest.statusPage()
    let restarts =
      page.restarts(interface: 0) - pageBefore.restarts(interface: 0)
    let drops =
      page.framesDropped(interface: 0)
      - pageBefore.framesDropped(interface: 0)
    print("\(lie): \(drops) dropped, \(restarts) restarts")
    #expect(guest.panic == nil)
    #expect(guest.restarts - restartsBefore == restarts, "\(lie)")
    #expect(after.violations == [], "\(lie)")
    if lie != .connectionLost {
      #expect(after.starts - before.starts == restarts, "\(lie)")
    }
    switch lie.consequence(after.features) {
    case .none:
      #expect(drops == 0, "\(lie)")
      #expect(restarts == 0, "\(lie)")
    case .drop:
      #expect(drops >= Self.times, "\(lie)")
      #expect(restarts == 0, "\(lie)")
    case .perhapsDrop: #expect(restarts == 0, "\(lie)")
    case .reset: #expect((1...Self.times).contains(restarts), "\(lie)")
    case .anything: #expect(restarts <= Self.times, "\(lie)")
    }
  }
}
