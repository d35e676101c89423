import Testing

@testable import Net

/// The clock and what is taken of the peer's, apart from connections. RFC 7323.
@Suite struct TimestampsTests {
  static func at(_ milliseconds: Int64) -> Instant {
    Instant(nanoseconds: milliseconds * 1_000_000)
  }

  static func on(recent: UInt32, acknowledged: UInt32 = 100) -> Timestamps {
    var timestamps = Timestamps(offset: 0)
    timestamps.synchronize(
      with: TCPOptions.Timestamp(value: recent, echo: 0),
      at: at(0)
    )
    timestamps.acknowledged(upTo: SequenceNumber(acknowledged))
    return timestamps
  }

  @Test(
    arguments: [
      (0, 0, 0), (0, 1, 1), (7, 1000, 1007), (0xFFFF_FFFF, 2, 1),
      (0, 1 << 32, 0),
    ] as [(UInt32, Int64, UInt32)]
  )
  func value_countsMilliseconds(offset: UInt32, time: Int64, value: UInt32) {
    #expect(Timestamps(offset: offset).value(at: Self.at(time)) == value)
  }

  @Test func elapsed_isTheAge() {
    let timestamps = Timestamps(offset: 0xFFFF_FFF0)
    let sent = timestamps.value(at: Self.at(10))
    #expect(timestamps.elapsed(since: sent, at: Self.at(10)) == .zero)
    #expect(
      timestamps.elapsed(since: sent, at: Self.at(35)) == .milliseconds(25)
    )
    // An echo of what was never sent.
    #expect(timestamps.elapsed(since: sent &+ 1, at: Self.at(10)) == nil)
  }

  @Test func withoutOption_staysOff() {
    var timestamps = Timestamps(offset: 1)
    timestamps.synchronize(with: nil, at: Self.at(0))
    #expect(!timestamps.isOn)
  }

  /// RFC 7323 §5.3, R1: compared modulo 2^32.
  @Test(
    arguments: [
      (100, 100, false), (100, 101, false), (100, 99, true), (100, 0, true),
      (0, 0xFFFF_FFFF, true), (0xFFFF_FFFF, 0, false),
      (0, 0x7FFF_FFFF, false), (0, 0x8000_0001, true),
    ] as [(UInt32, UInt32, Bool)]
  )
  func old_isBefore(recent: UInt32, value: UInt32, isOld: Bool) {
    #expect(Self.on(recent: recent).isOld(value, at: Self.at(1)) == isOld)
  }

  /// RFC 7323 §5.5.
  @Test func after24Days_nothingIsOld() {
    let day: Int64 = 24 * 3600 * 1000
    var timestamps = Self.on(recent: 1000)
    #expect(timestamps.isOld(999, at: Self.at(24 * day - 1)))
    #expect(!timestamps.isOld(999, at: Self.at(24 * day)))
    timestamps.take(999, at: SequenceNumber(1), Self.at(24 * day))
    #expect(timestamps.recent == 999)
    // From here on it counts anew.
    #expect(timestamps.isOld(998, at: Self.at(25 * day)))
  }

  /// RFC 7323 §4.3 (2): value, where the segment begins, what is echoed then.
  @Test(
    arguments: [
      (1001, 100, 1001), (1001, 99, 1001), (1001, 101, 1000),
      (1000, 100, 1000), (999, 100, 1000), (999, 50, 1000),
    ] as [(UInt32, UInt32, UInt32)]
  )
  func take_movesOnlyForward(value: UInt32, sequence: UInt32, recent: UInt32) {
    var timestamps = Self.on(recent: 1000)
    timestamps.take(value, at: SequenceNumber(sequence), Self.at(1))
    #expect(timestamps.recent == recent)
  }

  @Test func offset_isOfBothEndsAndTheSecret() {
    func offset(_ address: UInt8, _ port: UInt16, _ secret: UInt64) -> UInt32 {
      Timestamps.offset(
        local: Endpoint(address: IPv4Address(10, 0, 0, 1), port: 80),
        remote: Endpoint(
          address: IPv4Address(10, 0, 0, address),
          port: port
        ),
        secret: SipHash.Key(secret, 2)
      )
    }
    let base = offset(2, 1000, 1)
    #expect(base == offset(2, 1000, 1))
    #expect(
      Set([base, offset(3, 1000, 1), offset(2, 1001, 1), offset(2, 1000, 2)])
        .count == 4
    )
  }

  @Test func offset_isNotTheInitialSequenceNumber() {
    let local = Endpoint(address: IPv4Address(10, 0, 0, 1), port: 80)
    let remote = Endpoint(address: IPv4Address(10, 0, 0, 2), port: 5000)
    let offset = Timestamps.offset(
      local: local,
      remote: remote,
      secret: SipHash.Key(1, 2)
    )
    let number = InitialSequenceNumber.generate(
      local: local,
      remote: remote,
      secret: SipHash.Key(1, 2),
      at: Self.at(0)
    )
    #expect(offset != number.rawValue)
  }
}
