/// A port that takes connections. RFC 9293 §3.10.1 (passive OPEN).
struct Listener {
  let port: UInt16
  let backlog: Int
  let options: ConnectionOptions
  let generation: UInt32
  /// The next listener of the port, at another address.
  var nextOfPort: UInt32?
  var isListening = true
  /// Connections from their SYN until they are accepted.
  var pending = 0
  /// Until when who comes back with a SYN cookie is let in.
  var cookiesUntil: Instant?
  /// Those with the handshake complete, first come first: at most `backlog`.
  var acceptable: SlotList
}
