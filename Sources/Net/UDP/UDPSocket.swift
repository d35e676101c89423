import Packets

/// One slot of ``UDPSockets``: a port, and what waits for the app and for the
/// device.
struct UDPSocket: ~Copyable {
  /// Zero while the slot is free.
  var port: UInt16 = 0
  /// Which of the sockets that had the slot this is.
  var generation: UInt32 = 0
  /// Datagrams for the app, from their IP headers on.
  var received = PacketQueue()
  /// Datagrams for the device, from their IP headers on.
  var unsent = PacketQueue()
  /// A send was refused and has not been told of room yet.
  var wantsRoom = false
  /// What the app was not told yet.
  var changes: DatagramChanges = []
}
