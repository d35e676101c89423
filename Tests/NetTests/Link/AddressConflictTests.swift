import Testing

@testable import Net

@Suite struct AddressConflictTests {
  private let address = IPv4Address(10, 0, 2, 15)
  private let strange = IPv4Address(10, 0, 2, 16)

  private func conflict(
    _ timing: ConflictTiming = ConflictTiming(),
    seed: UInt64 = 1
  ) -> AddressConflict {
    AddressConflict(
      timing: timing,
      random: RandomNumbers(seed: SipHash.Key(seed, 2))
    )
  }

  /// Polls at each deadline from 0 to `end`: what is asked for, and when.
  private func run(
    _ conflict: inout AddressConflict,
    to end: Double = 100
  ) -> [String] {
    var found: [String] = []
    var now = Instant.at(0)
    while let deadline = conflict.deadline, deadline <= .at(end) {
      now = max(now, deadline)
      while let action = conflict.poll(at: now) {
        let name =
          switch action {
          case .probe: "probe"
          case .free: "free"
          case .announce: "announce"
          }
        found.append("\(name) \(now.nanoseconds / 1_000_000)")
        if case .free(let address) = action { conflict.hold(address, at: now) }
      }
    }
    return found
  }

  @Test func nobodyAnswers_literalTimes() {
    var conflict = conflict()
    #expect(conflict.deadline == nil)
    conflict.begin(address, at: .at(0))
    let found = run(&conflict)
    #expect(
      found == [
        "probe 0", "probe 20", "probe 40", "free 60", "announce 60",
        "announce 2060",
      ]
    )
    #expect(conflict.deadline == nil)
  }

  @Test func unchecked_freeAtOnce() {
    var conflict = conflict(.unchecked)
    conflict.begin(address, at: .at(0))
    let found = run(&conflict)
    #expect(found == ["free 0", "announce 0"])
  }

  /// RFC 5227 §1.1: the address is used after 4 to 7 seconds.
  @Test(arguments: 1...50 as ClosedRange<UInt64>)
  func standardTimes_areWithinBounds(seed: UInt64) throws {
    var conflict = conflict(.standard, seed: seed)
    conflict.begin(address, at: .at(0))
    let found = run(&conflict)
    let times = found.map { Int($0.split(separator: " ")[1])! }
    #expect(found.map { $0.first } == ["p", "p", "p", "f", "a", "a"])
    #expect((0...1000).contains(times[0]), "seed \(seed)")
    for pair in [0, 1] {
      let pause = times[pair + 1] - times[pair]
      #expect((999...2000).contains(pause), "seed \(seed)")
    }
    #expect((1999...2001).contains(times[3] - times[2]), "seed \(seed)")
    #expect((1999...2001).contains(times[5] - times[4]), "seed \(seed)")
  }

  @Test(arguments: [true, false])
  func probing_anotherHasOrWantsIt_taken(isProbe: Bool) {
    var conflict = conflict()
    conflict.begin(address, at: .at(0))
    _ = conflict.poll(at: .at(0))
    let other = conflict.conflict(of: strange, isProbe: isProbe, at: .at(0))
    #expect(other == .none)
    let verdict = conflict.conflict(of: address, isProbe: isProbe, at: .at(0))
    #expect(verdict == .taken)
    #expect(conflict.deadline == nil && !conflict.isProbing)
    let late = conflict.conflict(of: address, isProbe: isProbe, at: .at(0))
    #expect(late == .none)
  }

  /// What each conflict at a time brings. RFC 5227 §2.4 (b).
  @Test(
    arguments: [
      ([0], [.defend]),
      ([0, 9.9], [.defend, .lost]),
      ([0, 10], [.defend, .defend]),
      ([0, 10, 20], [.defend, .defend, .defend]),
      ([0, 10, 19.9, 20], [.defend, .defend, .lost, .none]),
    ] as [([Double], [AddressConflict.Verdict])]
  )
  func holding_defendsOnceInTenSeconds(
    times: [Double],
    expected: [AddressConflict.Verdict]
  ) {
    var conflict = conflict()
    conflict.hold(address, at: .at(0))
    let verdicts = times.map {
      conflict.conflict(of: address, isProbe: false, at: .at($0))
    }
    #expect(verdicts == expected)
  }

  @Test func holding_aProbe_isNoConflict() {
    var conflict = conflict()
    conflict.hold(address, at: .at(0))
    for _ in 0..<3 {
      let verdict = conflict.conflict(of: address, isProbe: true, at: .at(0))
      #expect(verdict == .none)
    }
  }

  @Test func ended_nothingIsOurs() {
    var conflict = conflict()
    conflict.hold(address, at: .at(0))
    conflict.end()
    let verdict = conflict.conflict(of: address, isProbe: false, at: .at(0))
    #expect(verdict == .none)
    let action = conflict.poll(at: .at(9))
    #expect(action == nil)
  }
}
