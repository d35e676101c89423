/// The times of ``AddressConflict``.
public struct ConflictTiming: Equatable, Sendable {
  /// Probes before an address is used; 0 uses it at once. PROBE_NUM.
  public var probes = 3
  /// The longest random wait before the first. PROBE_WAIT.
  public var probeWait: Interval = .seconds(0)
  /// The shortest time from one to the next. PROBE_MIN.
  public var probeInterval: Interval = .milliseconds(20)
  /// How much longer it may be. PROBE_MAX less PROBE_MIN.
  public var probeIntervalSpread: Interval = .seconds(0)
  /// How long answers to the last are waited for. ANNOUNCE_WAIT.
  public var announceWait: Interval = .milliseconds(20)
  /// Announcements of an address that is bound. ANNOUNCE_NUM.
  public var announcements = 2
  /// The time from one to the next. ANNOUNCE_INTERVAL.
  public var announceInterval: Interval = .seconds(2)
  /// An address is defended once in this time; a second conflict ends its use.
  /// DEFEND_INTERVAL.
  public var defendInterval: Interval = .seconds(10)
  /// How long an address that was set, and that another host has, rests until
  /// it is looked at again. RATE_LIMIT_INTERVAL.
  public var retryInterval: Interval = .seconds(60)

  /// What a virtual machine can do with: a bridge answers in less than a
  /// millisecond, so 60 ms are a long time, and with the 4 to 7 s of RFC 5227 no
  /// machine would serve as soon as it runs. On a link with slower hosts (radio,
  /// or switches that take seconds to forward) ``standard`` is right.
  public init() {}

  /// No look at all, and one announcement: for links that are known to be free
  /// of conflicts, as those of tests are.
  public static var unchecked: ConflictTiming {
    var timing = ConflictTiming()
    timing.probes = 0
    timing.announcements = 1
    return timing
  }

  /// The times of RFC 5227 §1.1.
  public static var standard: ConflictTiming {
    var timing = ConflictTiming()
    timing.probeWait = .seconds(1)
    timing.probeInterval = .seconds(1)
    timing.probeIntervalSpread = .seconds(1)
    timing.announceWait = .seconds(2)
    return timing
  }
}
