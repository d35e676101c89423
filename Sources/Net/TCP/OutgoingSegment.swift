import Packets

/// A segment on its way down: what IP needs to know to carry it.
struct OutgoingSegment: ~Copyable {
  /// Begins at the TCP header, checksum filled in, with at least
  /// ``TCPLimits/headroom`` bytes in front for the headers below.
  var packet: PacketBuffer
  let source: IPv4Address
  let destination: IPv4Address
}
