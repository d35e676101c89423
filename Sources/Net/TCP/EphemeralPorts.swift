/// Chooses the local port of a connection that the app opens. RFC 6056 §3.3.3,
/// algorithm 3: a secret offset for each destination, and a common counter, so
/// that a port to one destination is used again as late as can be, and who sees
/// the ports to one cannot guess those to another.
struct EphemeralPorts {
  private let first: UInt32
  private let count: UInt32
  private let secret: SipHash.Key
  private var next: UInt32

  init(first: UInt16, secret: SipHash.Key, start: UInt32) {
    self.first = UInt32(first)
    count = UInt32(UInt16.max) - UInt32(first) + 1
    self.secret = secret
    next = start
  }

  /// A port for a connection from `source` to `remote` that is free by
  /// `isFree`, or `nil` when none is.
  ///
  /// - Complexity: constant while most ports are free; at most one call of
  ///   `isFree` a port.
  mutating func choose(
    from source: IPAddress,
    to remote: Endpoint,
    isFree: (UInt16) -> Bool
  ) -> UInt16? {
    var hash = SipHash(key: secret)
    hash.combine(source)
    hash.combine(remote.address)
    // The top bit keeps these hashes apart from those of
    // `InitialSequenceNumber`, which are made with the same key.
    hash.combine(1 << 63 | UInt64(remote.port))
    let offset = UInt32(truncatingIfNeeded: hash.finalize())
    for _ in 0..<count {
      let port = UInt16(first + (offset &+ next) % count)
      next &+= 1
      if isFree(port) { return port }
    }
    return nil
  }
}
