import Packets

/// A segment on its way down: what IP needs to know to carry it.
struct OutgoingSegment: ~Copyable {
  /// Begins at the TCP header, checksum filled in, with at least
  /// ``TCPLimits/headroom`` bytes in front for the headers below.
  var packet: PacketBuffer
  let source: IPAddress
  let destination: IPAddress
  /// What IP is to say of congestion. RFC 3168 §5.
  var ecn = ECNCodepoint.notCapable
  /// How routers are to treat it, and how many may.
  var differentiatedServices = DifferentiatedServices.standard
  var timeToLive = IPv4Header.defaultTimeToLive
  /// Whether IP may cut it on its way, as when the path's MTU is not looked for:
  /// "don't fragment" stays clear. RFC 1191 §3.
  var mayFragment = false
}
