import Testing

@testable import Net

/// What is said of the way, and when it is believed. RFC 5927 §7.2.
@Suite struct TCPPathClaimTests {
  private static let number = SequenceNumber(1000)

  /// The most that has got through, what is claimed, and whether it is believed
  /// at once.
  @Test(arguments: [
    (0, 100, true), (512, 512, true), (512, 1400, true), (512, 511, false),
    (1460, 1459, false),
  ])
  func claim_isBelieved_unlessMoreHasGotThrough(
    proven: Int,
    claimed: Int,
    isBelieved: Bool
  ) {
    var claim = PathMTUClaim()
    claim.arrived(proven)
    let believed = claim.claim(claimed, about: Self.number)
    #expect(believed == isBelieved)
    claim.timedOut()
    let confirmed = claim.takeConfirmed()
    #expect(confirmed == (isBelieved ? nil : claimed))
    // Once.
    let again = claim.takeConfirmed()
    #expect(again == nil)
  }

  /// What of it is acknowledged before the timeout, and whether it counts.
  @Test(arguments: [(-1, true), (0, true), (1, false), (1000, false)])
  func acknowledged_isForgotten(beyond: Int, counts: Bool) {
    var claim = PathMTUClaim()
    claim.arrived(1460)
    _ = claim.claim(1000, about: Self.number)
    claim.acknowledged(upTo: Self.number + beyond)
    claim.timedOut()
    let confirmed = claim.takeConfirmed()
    #expect((confirmed != nil) == counts)
  }

  @Test func noClaim_timeoutsConfirmNothing() {
    var claim = PathMTUClaim()
    claim.arrived(1460)
    claim.timedOut()
    let confirmed = claim.takeConfirmed()
    #expect(confirmed == nil)
  }

  @Test func claimAfterATimeout_waitsForTheNext() {
    var claim = PathMTUClaim()
    claim.arrived(1460)
    claim.timedOut()
    _ = claim.claim(1000, about: Self.number)
    let early = claim.takeConfirmed()
    #expect(early == nil)
    claim.timedOut()
    let confirmed = claim.takeConfirmed()
    #expect(confirmed == 1000)
  }

  /// Another way: what got through before does not speak against what is said
  /// of this one.
  @Test func believed_beginsAnew() {
    var claim = PathMTUClaim()
    claim.arrived(1460)
    claim.believed(1000)
    let less = claim.claim(999, about: Self.number)
    let asMuch = claim.claim(1000, about: Self.number)
    #expect(!less && asMuch)
  }

  // MARK: On a connection

  /// What has got through: one segment of `bytes`.
  private static func proven(
    _ bytes: Int,
    limits: TCPLimits = TCPHarness.limits
  ) throws -> (TCPHarness, ConnectionID) {
    let (harness, id) = TCPHarness.established(limits: limits)
    _ = try harness.write(id, pattern(bytes))
    harness.drain()
    harness.receive(Segment([], 1, ack: 1 + bytes))
    _ = try harness.write(id, pattern(1000))
    harness.drain()
    return (harness, id)
  }

  private static func verdict(
    _ harness: TCPHarness,
    _ mtu: Int,
    about number: Int
  ) -> TCP.PathVerdict {
    harness.tcp.claim(
      mtu: mtu,
      about: (harness.iss + number).rawValue,
      local: Endpoint(address: TCPHarness.ours, port: 80),
      remote: Endpoint(address: TCPHarness.theirs, port: 50000)
    )
  }

  /// A segment of 1,000 bytes is a datagram of 1,040.
  @Test(arguments: [
    (1000, 1039, TCP.PathVerdict.noted), (1000, 1040, .believed),
    (500, 539, .noted), (500, 540, .believed),
  ])
  func whatGotThrough_isTheLargestSegment(
    bytes: Int,
    mtu: Int,
    verdict: TCP.PathVerdict
  ) throws {
    let (harness, _) = try Self.proven(bytes)
    let found = Self.verdict(harness, mtu, about: bytes + 1)
    #expect(found == verdict)
  }

  /// RFC 5927 §4.1.
  @Test func notInFlight_isIgnored() throws {
    let (harness, _) = try Self.proven(1000)
    for number in [0, 1000, 2001, 70_000] {
      let verdict = Self.verdict(harness, 600, about: number)
      #expect(verdict == .ignored)
    }
  }

  @Test func timeout_tellsOfTheWay() throws {
    let (harness, id) = try Self.proven(1000)
    let verdict = Self.verdict(harness, 640, about: 1001)
    #expect(verdict == .noted)
    harness.wait(200)
    let path = harness.tcp.nextSmallerPath()
    #expect(path?.address == TCPHarness.theirs)
    #expect(path?.mtu == 640)
    harness.tcp.pathIsSmaller(
      to: TCPHarness.theirs,
      KnownPath(mtu: 640, expiry: .never),
      at: harness.now
    )
    #expect(harness.tcp.information(id)?.maximumSegmentSize == 600)
    // As many bytes as the window of one segment had before.
    #expect(harness.drain().map(\.payload.count) == [600, 400])
    let none = harness.tcp.nextSmallerPath()
    #expect(none?.mtu == nil)
    // What got through before was on another way.
    let again = Self.verdict(harness, 640, about: 1001)
    #expect(again == .believed)
    let less = Self.verdict(harness, 639, about: 1001)
    #expect(less == .noted)
  }

  /// Each error of a few bytes would make us send all anew that is under way:
  /// that is done once a round trip, whatever is said.
  @Test func manyErrors_sendAgainOnceARoundTrip() throws {
    let (harness, id) = TCPHarness.established(mss: 1460)
    _ = try harness.write(id, pattern(14_600))
    let first = harness.drain().map(\.payload.count).reduce(0, +)
    let index = harness.tcp.index(of: id)
    let slot = UInt32(try #require(index))
    var again: [Int] = []
    for mtu in (552..<1400).reversed() {
      let verdict = Self.verdict(harness, mtu, about: 1)
      guard verdict == .believed else { break }
      let isChanged = harness.tcp.pathIsSmaller(
        of: slot,
        to: TCPHarness.theirs,
        KnownPath(mtu: mtu, expiry: harness.now + .seconds(600)),
        at: harness.now
      )
      #expect(isChanged)
      again.append(harness.drain().map(\.payload.count).reduce(0, +))
      // Before the timeout.
      if mtu == 1000 { harness.wait(150) }
    }
    #expect(again.count > 800)
    #expect(again.first == first)
    #expect(again.filter { $0 > 0 }.count == 2)
  }

  /// All connections are looked at so often in a second; beyond, who is told
  /// learns of it alone.
  @Test func scans_areBounded() throws {
    let (harness, id) = TCPHarness.established(mss: 1460)
    for count in 0...TCPLimits.pathScans {
      let changed = harness.tcp.pathIsSmaller(
        to: TCPHarness.theirs,
        KnownPath(mtu: 1400 - count, expiry: harness.now + .seconds(600)),
        at: harness.now
      )
      #expect(changed == (count < TCPLimits.pathScans ? 1 : 0))
    }
    let path = KnownPath(mtu: 1000, expiry: harness.now + .seconds(600))
    let index = harness.tcp.index(of: id)
    let slot = try #require(index)
    let isAnother = harness.tcp.pathIsSmaller(
      of: UInt32(slot),
      to: TCPHarness.ours,
      path,
      at: harness.now
    )
    #expect(!isAnother)
    let isChanged = harness.tcp.pathIsSmaller(
      of: UInt32(slot),
      to: TCPHarness.theirs,
      path,
      at: harness.now
    )
    #expect(isChanged)
    #expect(harness.tcp.information(id)?.maximumSegmentSize == 960)
    harness.wait(1000)
    let later = harness.tcp.pathIsSmaller(
      to: TCPHarness.theirs,
      KnownPath(mtu: 900, expiry: harness.now + .seconds(600)),
      at: harness.now
    )
    #expect(later == 1)
  }
}
