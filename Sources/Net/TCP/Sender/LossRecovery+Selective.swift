/// Recovery with selective acknowledgements: RFC 8985 tells what is lost,
/// RFC 6675 §5 when recovery begins and ends, RFC 9937 what goes out meanwhile.
extension LossRecovery {
  /// RACK.reo_wnd behind the round trip of the newest that has come: how long
  /// after it was sent something may still come. RFC 8985 §6.2 step 5.
  @_addressableSelf
  func patience(
    _ roundTrip: RoundTripEstimator,
    sacked: Int,
    segmentSize: Int
  ) -> Interval {
    let window = rack.reorderingWindow(
      isRecovering: isRecovering || isAfterTimeout,
      sacked: sacked,
      segmentSize: segmentSize,
      least: roundTrip.least.value,
      smoothed: roundTrip.smoothed ?? .zero
    )
    return rack.roundTrip + window
  }

  /// Whether the third duplicate without a block has come, while no block has
  /// told of anything: from a peer that permits them and sends none.
  mutating func duplicateWithoutBlocks(sacked: Int) -> Bool {
    duplicates &+= 1
    return duplicates == Self.duplicateThreshold && sacked == 0
      && !isRecovering && !isAfterTimeout
  }

  /// Nothing was lost: the window is as it was, and so is what was known of the
  /// path.
  mutating func takeBack(
    _ window: inout CongestionWindow,
    _ controller: inout CongestionController
  ) {
    isRecovering = false
    isAfterTimeout = false
    spuriousTimeout.giveUp()
    undo.restore(&window, &controller)
  }

  /// Something was lost, and nothing is being recovered. RFC 6675 §5 (4.1).
  mutating func begin(_ summary: AcknowledgementSummary) {
    isRecovering = true
    recover = summary.next - 1
    tailProbe.forget()
    reduction.begin(
      inFlight: summary.inFlightBefore,
      sacked: summary.sackedBefore
    )
  }

  /// Ends the recovery if all that was sent before it is acknowledged. RFC 6675
  /// §5 (A); RFC 9937 §6.3: the window is ssthresh then.
  mutating func endIfRecovered(
    _ summary: AcknowledgementSummary,
    _ window: inout CongestionWindow
  ) {
    guard isRecovering || isAfterTimeout, summary.number > recover else {
      return
    }
    if isRecovering { window.size = window.threshold }
    isRecovering = false
    isAfterTimeout = false
    rack.recovered()
  }
}
