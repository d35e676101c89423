/// The receive sequence variables, and the window that is offered.
/// RFC 9293 §3.3.1 and §3.8.6.2.2, RFC 7323 §2.
///
///              |  received  |  the window: may come  |
///                          next                    edge
struct ReceiveSequence {
  /// IRS.
  private(set) var initial = SequenceNumber(0)
  /// RCV.NXT.
  var next = SequenceNumber(0)
  /// RCV.NXT + RCV.WND as the peer knows it: never moves left.
  private(set) var edge = SequenceNumber(0)
  private var finNumber = SequenceNumber(0)
  private var bytes: UInt32
  private var hasFIN = false
  /// Whether RCV.NXT is past the FIN: the peer sends no more.
  private(set) var isFinished = false
  /// Whether both ends offered to scale windows. RFC 7323 §2.2.
  private(set) var isScaling = false
  /// Rcv.Wind.Shift: zero unless scaling. RFC 7323 §2.3.
  private(set) var windowShift: UInt8 = 0
  /// The shift count of our SYN, if it has one: the least that lets the field
  /// hold the largest buffer, as it is fixed from the SYN on.
  let offeredShift: UInt8

  private static let largestField = Int(UInt16.max)

  /// With a buffer of `capacity` bytes, that may become as large as `largest`.
  init(capacity: Int, largest: Int) {
    bytes = UInt32(clamping: capacity)
    offeredShift = Self.shift(for: largest)
  }

  /// As each connection begins.
  init(_ limits: borrowing TCPLimits) {
    self.init(
      capacity: min(limits.initialReceiveBuffer, limits.receiveBuffer),
      largest: limits.receiveBuffer
    )
  }

  /// Where the peer's FIN stands, once a segment in the window had it.
  var fin: SequenceNumber? {
    get { hasFIN ? finNumber : nil }
    set {
      hasFIN = newValue != nil
      finNumber = newValue ?? finNumber
    }
  }

  /// The receive buffer, in bytes. When it shrinks, the edge stays.
  var capacity: Int {
    get { Int(bytes) }
    set { bytes = UInt32(clamping: newValue) }
  }

  /// RCV.WND in bytes.
  var window: Int { edge - next }

  /// The least shift count that lets the field hold `capacity`. RFC 7323 §2.3:
  /// at most 14.
  static func shift(for capacity: Int) -> UInt8 {
    var shift = 0
    while shift < 14, capacity >> shift > largestField { shift += 1 }
    return UInt8(shift)
  }

  /// The window field of a segment with SYN. RFC 7323 §2.2: never scaled.
  var synWindowField: UInt16 {
    UInt16(min(capacity, Self.largestField))
  }

  /// The peer's SYN has come; ours offers, or offered, ``synWindowField``.
  mutating func synchronize(
    initial: SequenceNumber,
    isScaling: Bool
  ) {
    self.initial = initial
    next = initial + 1
    edge = next + Int(synWindowField)
    self.isScaling = isScaling
    windowShift = isScaling ? offeredShift : 0
  }

  /// RCV.NXT is at the peer's FIN: move past it.
  mutating func finish() {
    next += 1
    isFinished = true
    // A FIN right behind a full window is taken, as it needs no room.
    edge = SequenceNumber.later(edge, next)
  }

  /// Whether a segment has an octet, or with none stands, in the window.
  /// RFC 9293 §3.4, table 6; but one without may stand at its edge, too: where
  /// a peer with a full window under way has its SND.NXT, and of that some is
  /// missing, all its acknowledgements stand there. Linux takes them as well.
  func isAcceptable(_ sequence: SequenceNumber, length: Int) -> Bool {
    if length == 0 { return next <= sequence && sequence <= edge }
    let last = sequence + (length - 1)
    return next <= sequence && sequence < edge
      || next <= last && last < edge
  }

  /// The window field of the next segment, when `unread` bytes wait for the
  /// app; offers what it says. No more is promised than the room in the buffer,
  /// nor than `share` full segments; what was promised before stays.
  mutating func offerWindow(
    unread: Int,
    segmentSize: Int,
    share: Int? = nil
  ) -> UInt16 {
    var room = max(0, capacity - unread)
    if let share { room = min(room, share * segmentSize) }
    let step = 1 << Int(windowShift)
    // RFC 7323 §2.4: rounding down would take back what was offered.
    var field = (window + step - 1) / step
    // RFC 9293 §3.8.6.2.2: the edge stays until it moves by a segment or half
    // the buffer: no silly windows.
    if room - window >= min(segmentSize, capacity / 2) {
      field = max(field, room / step)
    }
    field = min(field, Self.largestField)
    edge = SequenceNumber.later(edge, next + field * step)
    return UInt16(field)
  }

  /// Whether the app has read so much that the peer should hear of it without
  /// waiting for data to acknowledge: half the buffer, or, if the peer has
  /// less than two segments left, one.
  func isUpdateDue(unread: Int, segmentSize: Int) -> Bool {
    let gain = max(0, capacity - unread) - window
    let half = capacity / 2
    if gain >= half { return true }
    return window < 2 * segmentSize && gain >= min(segmentSize, half)
  }
}
