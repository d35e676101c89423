/// Whether another host has the address that this one wants or has. RFC 5227.
///
///     begin --> probing: 3 probes --> free --> announcing: 2 announcements
///                  |                               |
///                taken                          holding <--+
///                                                  |       | first conflict
///                                                  |       | in 10 s: defend
///                                       second ----+-------+
///                                         |
///                                        lost
///
/// The machine makes no packets and reads no clock: ``poll(at:)`` says what to
/// send, ``conflict(of:isProbe:at:)`` is told what came.
struct AddressConflict: Sendable {
  /// What ``poll(at:)`` asks for.
  enum Action: Equatable, Sendable {
    /// Ask all for this address, from none. RFC 5227 §2.1.1.
    case probe(IPv4Address)
    /// Nobody else has it: it may be used from now on.
    case free(IPv4Address)
    /// Ask all for this address, from itself. RFC 5227 §2.3.
    case announce(IPv4Address)
  }

  /// What a packet means that shows another host with the address.
  enum Verdict: Equatable, Sendable {
    /// Nothing: the address is none of ours.
    case none
    /// It must not be used.
    case taken
    /// Announce it once: the other may give it up. RFC 5227 §2.4 (b).
    case defend
    /// It must not be used any more.
    case lost
  }

  private enum State: Equatable, Sendable {
    case idle
    case probing(sent: Int)
    case announcing(sent: Int)
    case holding
  }

  private let timing: ConflictTiming
  private var random: RandomNumbers
  private var state: State = .idle
  /// Whose address it is about.
  private(set) var address: IPv4Address = .any
  /// When the next probe, announcement, or end of waiting is due.
  private var due: Instant
  /// When it was last defended.
  private var defended: Instant?

  /// A machine that has no address to look after.
  init(timing: ConflictTiming, random: RandomNumbers) {
    self.timing = timing
    self.random = random
    due = Instant(nanoseconds: 0)
  }

  /// Whether the address is not yet known to be free.
  var isProbing: Bool {
    if case .probing = state { return true }
    return false
  }

  /// When to call ``poll(at:)`` again.
  var deadline: Instant? {
    switch state {
    case .probing, .announcing: due
    case .idle, .holding: nil
    }
  }

  // MARK: Beginning and ending

  /// Looks whether `address` is free.
  mutating func begin(
    _ address: IPv4Address,
    at now: Instant
  ) {
    self.address = address
    defended = nil
    state = .probing(sent: 0)
    due = now + upTo(timing.probeWait)
  }

  /// Takes `address` for ours and announces it: it was free, or is confirmed.
  mutating func hold(_ address: IPv4Address, at now: Instant) {
    self.address = address
    state = timing.announcements > 0 ? .announcing(sent: 0) : .holding
    due = now
  }

  /// The address is ours no more.
  mutating func end() {
    state = .idle
    address = .any
    defended = nil
  }

  // MARK: Time

  /// What to do now, or `nil`.
  mutating func poll(at now: Instant) -> Action? {
    guard now >= due else { return nil }
    switch state {
    case .idle, .holding:
      return nil
    case .probing(let sent):
      guard sent < timing.probes else {
        state = .idle
        return .free(address)
      }
      state = .probing(sent: sent + 1)
      let pause =
        sent + 1 == timing.probes
        ? timing.announceWait
        : timing.probeInterval
          + upTo(timing.probeIntervalSpread)
      due = now + pause
      return .probe(address)
    case .announcing(let sent):
      let isLast = sent + 1 >= timing.announcements
      state = isLast ? .holding : .announcing(sent: sent + 1)
      due = now + timing.announceInterval
      return .announce(address)
    }
  }

  private mutating func upTo(_ spread: Interval) -> Interval {
    guard spread.nanoseconds > 0 else { return .seconds(0) }
    return Interval(
      nanoseconds: Int64(random.next() % UInt64(spread.nanoseconds + 1))
    )
  }

  // MARK: Others

  /// Takes in that another host uses `address`, or, by a probe, wants it.
  mutating func conflict(
    of address: IPv4Address,
    isProbe: Bool,
    at now: Instant
  ) -> Verdict {
    guard address == self.address else { return .none }
    switch state {
    case .idle:
      return .none
    case .probing:
      // RFC 5227 §2.1.1: who probes for the same is a conflict, too.
      state = .idle
      return .taken
    case .announcing, .holding:
      // A probe is answered like any request, which ends it.
      if isProbe { return .none }
      if let defended, now - defended < timing.defendInterval {
        end()
        return .lost
      }
      defended = now
      return .defend
    }
  }
}
