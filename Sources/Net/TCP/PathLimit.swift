/// What a connection knows of its way: the largest segment that it carries, and
/// how that is found out where routers say nothing.
///
///     none --expiries of the timer, something large under way--> shrinking
///     none --the limit is ten minutes old--> due
///     shrinking --another expiry--> shrinking, smaller still
///     shrinking --smaller ones arrive--> due
///     due --a large one is sent, alone--> trial
///     trial --it arrives--> none, without a limit
///     trial --nor does what went with it--> shrinking
///     trial --it is to be sent again, in smaller ones--> tooLarge
///     tooLarge --more than these arrives--> none, without a limit
///     tooLarge --the rest of it goes again--> replaced
///     tooLarge, replaced --they arrive--> none, and IP is told: all to this
///       host know
///
/// So an outage, in which segments of any size are lost, is not taken for a
/// black hole: the large one arrives once it is over. Nor is a delay, in which
/// the large one arrives after all.
struct PathLimit {
  enum Search: UInt8 {
    /// All is known, or nothing is suspected.
    case none
    /// Large segments are lost, and smaller ones are tried.
    case shrinking
    /// The next large segment is to show whether the way carries it.
    case due
    /// It is under way. RFC 4821 §7.5.
    case trial
    /// It was lost: its front goes again.
    case tooLarge
    /// And the rest of it does.
    case replaced
  }

  /// When larger segments are to be tried again.
  var expiry = Instant.never
  /// Where the trial stands; once it was lost, the end of what went again.
  var trial = SequenceNumber(0)
  private var size = UInt16.max
  /// Whether routers may cut what is sent: where it is as small as it ever gets.
  private(set) var mayFragment = false
  var search = Search.none

  /// No limit.
  init() {}

  init(segmentSize: Int, mayFragment: Bool, expiry: Instant = .never) {
    size = UInt16(clamping: segmentSize)
    self.mayFragment = mayFragment
    self.expiry = expiry
  }

  /// The most that a segment may have, options and text.
  var segmentSize: Int { Int(size) }
}
