/// What the resolver holds and tries at the most.
public struct DNSLimits: Sendable {
  /// How long the first datagram of a round waits for its answer; twice as long
  /// in each round that follows. RFC 1123 §6.1.3.3 wants more patience after
  /// every silence.
  public var firstTimeout: Interval = .seconds(1)
  /// How often each server is asked.
  public var rounds = 3
  /// How long a question over TCP may take, from its SYN to its last byte.
  public var streamTimeout: Interval = .seconds(5)
  /// How long a question may take in all, whatever is tried.
  public var questionTimeout: Interval = .seconds(30)
  /// Names that lead to other names on the way to an address. A loop ends here.
  public var aliases = 8
  /// Addresses of a name that are kept; who cannot reach one of eight will not
  /// reach the ninth.
  public var addresses = 8
  /// Answers with a wrong number from the right place until the question goes
  /// over TCP, where it cannot be guessed at. RFC 5452 §9.2 wants it noticed.
  public var forgeries = 8
  /// The bytes of a response over TCP that are taken.
  public var streamBytes = 16_384
  /// Records of a message that are looked through. Each costs some hundred
  /// steps, and each alias goes through all of them again.
  public var records = 256
  /// Names that the cache knows: some 40 KiB if they are of the usual length,
  /// 60 if all are as long as can be.
  public var cachedNames = 128
  /// How long an answer is believed at the most. RFC 8767 §4 has a week; a day
  /// is plenty for who can ask again.
  public var longestSeconds: UInt32 = 86_400
  /// How long a "there is none" is believed at the most. RFC 2308 §5 finds one
  /// to three hours sensible.
  public var longestNegativeSeconds: UInt32 = 3_600
  /// Questions under way at once, a socket each; more wait for none of them and
  /// get ``ResolveError/limitReached``.
  public var questions = 16

  /// The limits as they are documented.
  public init() {}
}
