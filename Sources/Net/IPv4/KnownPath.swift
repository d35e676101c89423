/// What is known of the way to a host: that it carries less than the link.
struct KnownPath {
  /// The largest datagram.
  let mtu: Int
  /// When larger ones are to be tried again. RFC 1191 §6.3.
  let expiry: Instant
}
