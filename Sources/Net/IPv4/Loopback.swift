import Packets

/// What this host has sent to itself, and takes with the next poll. It is not
/// taken at once: what one datagram brings about sends others, and who polls
/// decides how long that goes on.
struct Loopback: ~Copyable {
  private var packets = PacketQueue()
  /// When the first was sent.
  private var since: Instant?

  var count: Int { packets.count }

  /// When there is something to take: as soon as there is anything.
  var deadline: Instant? { since }

  mutating func append(_ packet: consuming PacketBuffer, at now: Instant) {
    since = since ?? now
    packets.append(packet)
  }

  /// The oldest, from its IP header on.
  mutating func popFirst() -> PacketBuffer? {
    let packet = packets.popFirst()
    if packets.isEmpty { since = nil }
    return packet
  }
}
