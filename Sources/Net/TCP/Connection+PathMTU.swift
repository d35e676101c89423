import Packets

/// How large segments may be on their way. RFC 1191, RFC 4821.
extension Connection {
  /// Nothing was sent on this way, or nothing is known of it any more: it is
  /// `limit`.
  mutating func begin(on limit: PathLimit) {
    path = limit
    sendSegmentSize = min(sendSegmentSize, limit.segmentSize)
  }

  /// Keeps to `limit` from now on, if it says more of the way than is known.
  ///
  /// RFC 1191 §6.4: what was too large is sent again at once, and the window is
  /// not reduced: nothing says that the way is congested. But once a round trip
  /// only, or `patience` if that is longer: what goes again without an answer to
  /// what went before would be sent by whoever says it. Then the timeout does it.
  ///
  /// - Returns: Whether something was, or would have been, too large.
  mutating func keep(
    to limit: PathLimit,
    patience: Interval,
    at now: Instant
  ) -> Bool {
    pathClaim.believed(limit.segmentSize)
    let isTrial = path.search == .trial
    let isOpen = isTrial || path.search == .due || path.expiry <= now
    guard isOpen || limit.segmentSize <= path.segmentSize else { return false }
    let before = sendSegmentSize
    path = limit
    useSegments(of: min(agreedSegmentSize, limit.segmentSize))
    guard isTrial || sendSegmentSize < before else { return false }
    let wait = max(roundTrip.smoothed ?? .zero, patience)
    if !flight.hasSentFirstAgain(since: now - wait) { flight.loseAll() }
    return true
  }

  /// What was known of the way is old: the next large segment shows whether it
  /// still holds. RFC 1191 §6.3.
  mutating func tryLargerSegments() {
    path.expiry = .never
    path.search = .due
    useSegments(of: agreedSegmentSize)
  }

  /// The retransmission timer has expired. Routers may not cut what is sent, as a
  /// rule: how much the way carries is found out (RFC 1191 §3). But some drop
  /// what is too large and say nothing, or what they say is dropped on the way
  /// (RFC 2923 §2.1): when nothing large is answered, smaller segments are
  /// tried, and at last such as may be cut, too. RFC 4821 §7.7.
  mutating func suspectBlackHole(limits: borrowing Constant<TCPLimits>) {
    guard Int(expiries) >= limits.value.blackHoleTimeouts, !flight.isEmpty,
      !path.mayFragment
    else { return }
    let full = fullSegment()
    let lost = min(Int(flight[0].length), full)
    let size = lost + textOptionsLength()
    let headers =
      remote.address.internetHeaderSize + TCPHeader.minimumLength
    let base = limits.value.basePathMTU - headers
    let least = limits.value.smallestPathMTU - headers
    // A small one was not lost for its size.
    guard size > least || lost == full else { return }
    let isBase = size > base
    path = PathLimit(segmentSize: isBase ? base : least, mayFragment: !isBase)
    path.search = .shrinking
    pathClaim.believed(path.segmentSize)
    useSegments(of: min(agreedSegmentSize, path.segmentSize))
    flight.loseAll()
  }

  /// Whether routers may cut the segment of `plan`.
  @_addressableSelf
  @inline(__always)
  func mayFragment(_ plan: SegmentPlan) -> Bool {
    // Cut, a trial would arrive whatever the way is like.
    path.mayFragment && !isTrial(plan)
  }

  /// Whether the segment of `plan` is to show what the way carries.
  @_addressableSelf
  private func isTrial(_ plan: SegmentPlan) -> Bool {
    path.search == .due
      && plan.payload + textOptionsLength() > path.segmentSize
  }

  /// `plan` becomes a segment while the way is being found out.
  mutating func searched(_ plan: SegmentPlan) {
    let start = plan.sequence
    switch path.search {
    case .due:
      guard isTrial(plan) else { return }
      path.search = .trial
      path.trial = start
      useSegments(of: min(agreedSegmentSize, path.segmentSize))
    case .trial:
      // Again, and smaller.
      if start <= path.trial, path.trial < start + plan.payload {
        let full = fullSegment()
        // What a device cuts is all of it; and where something behind has come, a
        // probe may have been the rest of it.
        let isAll = plan.payload > full || flight.sacked > 0
        path.search = isAll ? .replaced : .tooLarge
        path.trial = SequenceNumber.later(
          start + min(plan.payload, full),
          path.trial + 1
        )
      }
    case .tooLarge:
      if start == path.trial { path.search = .replaced }
    case .none, .shrinking, .replaced: break
    }
  }

  /// The retransmission timer has expired. Where others went with the trial and
  /// none of them has come either, it was not lost for its size: it is an outage,
  /// and another is tried once that is over.
  mutating func trialTimedOut() {
    let largest = agreedSegmentSize - textOptionsLength()
    guard path.search == .trial, send.next - path.trial > largest,
      recovery.duplicates == 0, flight.sacked == 0
    else { return }
    path.search = .shrinking
  }

  /// What an acknowledgement shows of the way.
  enum PathFinding {
    case none
    /// It carries all that the SYNs have agreed on, as far as is known here.
    case carriesMore
    /// It loses what is larger than so much.
    case isSmaller(Int)
  }

  /// Something new was acknowledged while the way is being found out.
  mutating func judgePath() -> PathFinding {
    switch path.search {
    case .none, .due: return .none
    case .shrinking:
      // Because they are smaller, or because an outage is over.
      tryLargerSegments()
      return .none
    case .trial:
      guard send.unacknowledged > path.trial else { return .none }
      path = PathLimit()
      useSegments(of: agreedSegmentSize)
      return .carriesMore
    case .tooLarge, .replaced:
      guard send.unacknowledged >= path.trial else { return .none }
      // More than went again: it was late, and has come as it was.
      if path.search == .tooLarge, send.unacknowledged > path.trial {
        path = PathLimit()
        useSegments(of: agreedSegmentSize)
        return .carriesMore
      }
      path.search = .none
      return .isSmaller(path.segmentSize)
    }
  }

  private mutating func useSegments(of size: Int) {
    let isLarger = size > sendSegmentSize
    sendSegmentSize = size
    if isLarger { congestionWindow.segmentsGrew(to: fullSegment()) }
  }
}
