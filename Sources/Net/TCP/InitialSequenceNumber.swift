/// The first sequence number of a connection. RFC 6528 §3, RFC 9293 §3.4.1.
enum InitialSequenceNumber {
  /// ISN = M + F(localip, localport, remoteip, remoteport, secretkey): M is a
  /// clock of 4 microseconds, so that a later connection of the same two ends
  /// begins beyond the earlier one; F keeps others from guessing.
  static func generate(
    local: Endpoint,
    remote: Endpoint,
    secret: SipHash.Key,
    at now: Instant
  ) -> SequenceNumber {
    var hash = SipHash(key: secret)
    hash.combine(local.address)
    hash.combine(remote.address)
    hash.combine(UInt64(local.port) << 16 | UInt64(remote.port))
    let clock = UInt32(truncatingIfNeeded: now.nanoseconds / 4_000)
    return SequenceNumber(
      clock &+ UInt32(truncatingIfNeeded: hash.finalize())
    )
  }
}
