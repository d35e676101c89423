import Packets

/// Bounds the acknowledgements that a segment outside the rules gets in reply,
/// all kinds together: each could be an attacker's. RFC 5961 §7.
///
/// Those that ask whether we are there have as many of their own: who sends
/// forged segments is not to make the peer take us for dead. Bounded they are,
/// too: two ends that each take the other's answer for such a question would
/// never end.
struct ChallengeLimit {
  /// What is answered.
  enum Kind {
    case challenge
    /// A keepalive, or a probe of our window. RFC 9293 §3.8.4.
    case probe
  }

  private var periodEnd = Instant(nanoseconds: .min)
  private var challenges: UInt8 = 0
  private var probes: UInt8 = 0

  /// Whether one more may be sent; counts it.
  ///
  /// - Parameter limit: of each kind; more than 255 are as many.
  mutating func allows(
    _ limit: Int,
    of kind: Kind = .challenge,
    every period: Interval,
    at now: Instant
  ) -> Bool {
    if now >= periodEnd {
      periodEnd = now + period
      challenges = 0
      probes = 0
    }
    let limit = min(limit, Int(UInt8.max))
    switch kind {
    case .challenge:
      guard Int(challenges) < limit else { return false }
      challenges += 1
    case .probe:
      guard Int(probes) < limit else { return false }
      probes += 1
    }
    return true
  }
}

extension Connection {
  /// Answers with where we stand, if the limit lets it. RFC 5961 §7.
  mutating func challenge(
    limits: borrowing Constant<TCPLimits>,
    counters: inout TCPCounters,
    at now: Instant
  ) {
    if challenges.allows(
      limits.value.challenges,
      every: limits.value.challengePeriod,
      at: now
    ) {
      acknowledgement.require()
      counters.challengesSent &+= 1
    } else {
      counters.challengesSuppressed &+= 1
    }
  }

  /// Answers a peer that asks whether we are there, if the limit lets it.
  mutating func answerProbe(
    limits: borrowing Constant<TCPLimits>,
    counters: inout TCPCounters,
    at now: Instant
  ) {
    if challenges.allows(
      limits.value.challenges,
      of: .probe,
      every: limits.value.challengePeriod,
      at: now
    ) {
      acknowledgement.require()
      counters.probesAnswered &+= 1
    } else {
      counters.challengesSuppressed &+= 1
    }
  }
}
