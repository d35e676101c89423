/// The send sequence variables. RFC 9293 §3.3.1.
///
///              |  acknowledged  |  in flight  |  may be sent  |
///                        unacknowledged      next    unacknowledged + window
///
/// What is lost of what is in flight, ``SentSegments`` knows.
struct SendSequence {
  /// ISS.
  let initial: SequenceNumber
  /// SND.UNA.
  var unacknowledged: SequenceNumber
  /// SND.NXT: one past the highest number ever sent. Never goes back.
  var next: SequenceNumber
  private var windowBytes: UInt32 = 0
  private var maximumWindowBytes: UInt32 = 0
  /// SND.WL1: the sequence number of the segment that last set the window. No
  /// SND.WL2: it is never beyond SND.UNA, nor any acknowledgement that is
  /// taken before it, so that the RFC's check of it always holds.
  var windowSequenceNumber = SequenceNumber(0)
  private var shift: UInt8 = 0

  init(initial: SequenceNumber) {
    self.initial = initial
    unacknowledged = initial
    next = initial
  }

  /// SND.WND in bytes.
  var window: Int {
    get { Int(windowBytes) }
    set { windowBytes = UInt32(newValue) }
  }
  /// Max(SND.WND). RFC 9293 §3.8.6.2.1, RFC 5961 §5.
  var maximumWindow: Int { Int(maximumWindowBytes) }
  /// Snd.Wind.Shift. RFC 7323 §2.3.
  var windowShift: Int {
    get { Int(shift) }
    set { shift = UInt8(newValue) }
  }

  /// FlightSize in bytes. RFC 5681 §2.
  var inFlight: Int { next - unacknowledged }

  /// Takes the window of `segment` unless it is older than the one we have.
  /// RFC 9293 §3.10.7.4, fifth check. Returns whether the window changed.
  ///
  /// What acknowledges something new is not older, though it stands before the
  /// segment that set the window, as text that is sent again does: SND.UNA would
  /// move on with a window that counts from where it was, and text would go
  /// beyond its edge.
  ///
  /// - Precondition: SND.UNA is what it was before `segment`.
  mutating func updateWindow(from segment: TCPHeader) -> Bool {
    guard
      segment.sequenceNumber >= windowSequenceNumber
        || segment.acknowledgementNumber > unacknowledged
    else { return false }
    let (old, newest) = (window, windowSequenceNumber)
    setWindow(Int(segment.window) << windowShift, from: segment)
    windowSequenceNumber = SequenceNumber.later(windowSequenceNumber, newest)
    return window != old
  }

  /// Takes `bytes` as the window that `segment` sets.
  mutating func setWindow(_ bytes: Int, from segment: TCPHeader) {
    window = bytes
    maximumWindowBytes = max(maximumWindowBytes, windowBytes)
    windowSequenceNumber = segment.sequenceNumber
  }
}
