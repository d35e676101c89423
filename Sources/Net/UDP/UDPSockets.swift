import BasicContainers
import Packets

/// The UDP sockets of a stack: who has which port, and what waits.
///
/// Packets wait whole, from the IP header on, so that a queue needs no room for
/// addresses beside them.
struct UDPSockets: ~Copyable {
  /// The ports that are given to who asks for any. RFC 6335 §6.
  private static let ephemeralPorts: ClosedRange<UInt16> = 49152...65535

  private let limits: Limits
  private var slots: UniqueArray<UDPSocket>
  /// The datagrams that wait for apps, in all sockets together.
  private var receivedCount = 0
  /// The datagrams that wait for the device, in all sockets together.
  private var unsentCount = 0
  /// The sockets whose last send was refused.
  private var wantingCount = 0
  /// The sockets that have changes to tell.
  private var changedCount = 0
  /// Whose turn it is to send, so that no socket keeps the others back.
  private var turn = 0

  init(limits: Limits) {
    self.limits = limits
    slots = UniqueArray(minimumCapacity: limits.sockets)
  }

  // MARK: Ports

  /// Opens a socket with the port, or with one that nobody has if it is zero.
  mutating func bind(
    _ requested: UInt16,
    random: inout RandomNumbers
  ) throws(NetworkError) -> SocketID {
    if requested != 0, find(requested) != nil {
      throw NetworkError.addressInUse
    }
    guard let index = freeSlot() else { throw NetworkError.limitReached }
    // There are far fewer sockets than ports, so one is free.
    let port = requested != 0 ? requested : freePort(&random)
    slots[index].port = port
    return SocketID(
      index: UInt32(index),
      generation: slots[index].generation
    )
  }

  /// Closes the socket and drops what waits in it. Returns the number of
  /// datagrams that were not sent.
  mutating func unbind(_ id: SocketID) -> Int {
    guard let index = index(of: id) else { return 0 }
    let unsent = slots[index].unsent.count
    unsentCount -= unsent
    receivedCount -= slots[index].received.count
    wantingCount -= slots[index].wantsRoom ? 1 : 0
    changedCount -= slots[index].changes.isEmpty ? 0 : 1
    let generation = slots[index].generation &+ 1
    slots[index] = UDPSocket()
    slots[index].generation = generation
    return unsent
  }

  /// The port of the socket, or `nil` when it is closed.
  func port(of id: SocketID) -> UInt16? {
    index(of: id).map { slots[$0].port }
  }

  /// The slot of the socket with this port.
  func find(_ port: UInt16) -> Int? {
    for index in 0..<slots.count where slots[index].port == port {
      return index
    }
    return nil
  }

  private func index(of id: SocketID) -> Int? {
    let index = Int(id.index)
    guard index < slots.count, slots[index].generation == id.generation,
      slots[index].port != 0
    else { return nil }
    return index
  }

  private mutating func freeSlot() -> Int? {
    if let index = find(0) { return index }
    guard slots.count < limits.sockets else { return nil }
    slots.append(UDPSocket())
    return slots.count - 1
  }

  /// A port that cannot be predicted. RFC 6056 §3.3.1.
  private func freePort(_ random: inout RandomNumbers) -> UInt16 {
    let range = Self.ephemeralPorts
    var port = UInt16.random(in: range, using: &random)
    while find(port) != nil {
      port = port == range.upperBound ? range.lowerBound : port + 1
    }
    return port
  }

  // MARK: Receiving

  /// Puts `packet`, which begins at its IP header, into the socket of a slot.
  mutating func deliver(
    _ packet: consuming PacketBuffer,
    to index: Int
  ) throws(DropReason) {
    guard slots[index].received.count < limits.datagramsPerSocket,
      receivedCount < limits.datagrams
    else { throw DropReason.udpQueueFull }
    slots[index].received.append(packet)
    receivedCount += 1
    note(.readable, at: index)
  }

  /// The oldest datagram, from its IP header on.
  mutating func popReceived(_ id: SocketID) -> PacketBuffer? {
    guard let index = index(of: id),
      let packet = slots[index].received.popFirst()
    else { return nil }
    receivedCount -= 1
    return packet
  }

  // MARK: Sending

  /// Whether the socket takes one more datagram; if not, ``takeChanges()``
  /// tells when it does.
  mutating func reserve(
    _ id: SocketID,
    buffers: Int,
    available: Int
  ) -> Bool {
    guard let index = index(of: id) else { return false }
    slots[index].wantedBuffers = buffers
    if buffers <= available,
      slots[index].unsent.count < limits.unsentDatagramsPerSocket
    {
      return true
    }
    if !slots[index].wantsRoom {
      slots[index].wantsRoom = true
      wantingCount += 1
    }
    return false
  }

  /// Lets `packet`, which begins at its IP header, wait for the device.
  mutating func appendUnsent(_ packet: consuming PacketBuffer, _ id: SocketID) {
    guard let index = index(of: id) else { return }
    slots[index].unsent.append(packet)
    unsentCount += 1
  }

  /// The next datagram to send, the sockets taking turns.
  mutating func popUnsent() -> PacketBuffer? {
    guard unsentCount > 0 else { return nil }
    for step in 1...slots.count {
      let index = (turn + step) % slots.count
      guard let packet = slots[index].unsent.popFirst() else { continue }
      turn = index
      unsentCount -= 1
      return packet
    }
    return nil
  }

  /// Drops what was not sent, and returns how many datagrams that were.
  mutating func removeUnsent() -> Int {
    let dropped = unsentCount
    for index in 0..<slots.count {
      slots[index].unsent = PacketQueue()
    }
    unsentCount = 0
    return dropped
  }

  // MARK: Changes

  /// Notes that there is room again for those that were refused.
  mutating func noteRoom(available: Int) {
    guard wantingCount > 0 else { return }
    for index in 0..<slots.count
    where slots[index].wantsRoom && slots[index].wantedBuffers <= available
      && slots[index].unsent.count < limits.unsentDatagramsPerSocket
    {
      slots[index].wantsRoom = false
      wantingCount -= 1
      note(.writable, at: index)
    }
  }

  /// Notes that something which the socket of `port` sent did not arrive, if it
  /// has sent there.
  mutating func noteFailure(_ failure: DatagramFailure, port: UInt16) {
    guard port != 0, let index = find(port),
      slots[index].hasSent(to: failure.remote)
    else { return }
    slots[index].failure = failure
    note(.unreachable, at: index)
  }

  /// What did not arrive, once: about `remote`, or `nil`, about any.
  mutating func takeFailure(
    _ id: SocketID,
    of remote: Endpoint?
  ) -> DatagramFailure? {
    guard let index = index(of: id), let failure = slots[index].failure,
      remote == nil || failure.remote == remote
    else { return nil }
    slots[index].failure = nil
    return failure
  }

  /// Notes that the socket sends to `remote`.
  mutating func noteSent(_ id: SocketID, to remote: Endpoint) {
    guard let index = index(of: id) else { return }
    slots[index].noteSent(to: remote)
  }

  /// Sets what is sent with, from now on.
  mutating func setTimeToLive(_ id: SocketID, _ timeToLive: UInt8?) {
    guard let index = index(of: id) else { return }
    slots[index].timeToLive = timeToLive
  }

  /// What is sent with, if that was set.
  func timeToLive(of id: SocketID) -> UInt8? {
    index(of: id).flatMap { slots[$0].timeToLive }
  }

  private mutating func note(_ change: DatagramChanges, at index: Int) {
    changedCount += slots[index].changes.isEmpty ? 1 : 0
    slots[index].changes.insert(change)
  }

  /// A socket that has changed, and how.
  mutating func takeChanges() -> (SocketID, DatagramChanges)? {
    guard changedCount > 0 else { return nil }
    for index in 0..<slots.count where !slots[index].changes.isEmpty {
      let changes = slots[index].changes
      slots[index].changes = []
      changedCount -= 1
      let generation = slots[index].generation
      return (
        SocketID(index: UInt32(index), generation: generation), changes
      )
    }
    return nil
  }
}
