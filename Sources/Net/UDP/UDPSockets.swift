import BasicContainers
import Packets

/// The UDP sockets of a stack: who has which port, and what waits.
///
/// Packets wait whole, from the IP header on, so that a queue needs no room for
/// addresses beside them.
struct UDPSockets: ~Copyable {
  /// The ports that are given to who asks for any. RFC 6335 §6.
  private static let ephemeralPorts: ClosedRange<UInt16> = 49152...65535

  let limits: Limits
  var slots: UniqueArray<UDPSocket>
  /// The datagrams that wait for apps, in all sockets together.
  var receivedCount = 0
  /// The sockets whose last send was refused.
  private var wantingCount = 0
  /// The sockets that have changes to tell.
  private var changedCount = 0
  /// What waits for the devices, by the number of the interface.
  private var outlets: UniqueArray<UDPOutlet>

  /// No sockets.
  init(limits: Limits, interfaces: Int) {
    self.limits = limits
    slots = UniqueArray(minimumCapacity: limits.sockets)
    outlets = UniqueArray(minimumCapacity: interfaces)
    for _ in 0..<interfaces { addInterface() }
  }

  /// There is one interface more.
  mutating func addInterface() {
    outlets.append(UDPOutlet(sockets: limits.sockets))
  }

  // MARK: Ports

  /// Opens a socket with the port, or with one that nobody has if it is zero; of
  /// one interface, or of all.
  mutating func bind(
    _ requested: UInt16,
    on interface: Int? = nil,
    random: inout RandomNumbers
  ) throws(NetworkError) -> SocketID {
    if requested != 0, isTaken(requested, on: interface) {
      throw NetworkError.addressInUse
    }
    guard let index = freeSlot() else { throw NetworkError.limitReached }
    // There are far fewer sockets than ports, so one is free.
    let port = requested != 0 ? requested : freePort(&random)
    slots[index].port = port
    slots[index].interface = interface
    return SocketID(
      index: UInt32(index),
      generation: slots[index].generation
    )
  }

  /// Closes the socket and drops what waits in it. Returns the number of packets
  /// that were not sent, and of datagrams that were not read.
  mutating func unbind(_ id: SocketID) -> Int {
    guard let index = index(of: id) else { return 0 }
    var dropped = slots[index].received.count
    for outlet in 0..<outlets.count {
      dropped += outlets[outlet].removeAll(of: index)
    }
    receivedCount -= slots[index].received.count
    wantingCount -= slots[index].wantsRoom ? 1 : 0
    changedCount -= slots[index].changes.isEmpty ? 0 : 1
    let generation = slots[index].generation &+ 1
    slots[index] = UDPSocket()
    slots[index].generation = generation
    return dropped
  }

  /// The port of the socket, or `nil` when it is closed.
  func port(of id: SocketID) -> UInt16? {
    index(of: id).map { slots[$0].port }
  }

  /// The slot of the socket with this port on `interface`.
  @_addressableSelf
  func find(_ port: UInt16, on interface: Int) -> Int? {
    for index in 0..<slots.count
    where slots[index].port == port
      && (slots[index].interface ?? interface) == interface
    {
      return index
    }
    return nil
  }

  /// Whether a socket has the port on `interface`, or with `nil` on any.
  @_addressableSelf
  private func isTaken(_ port: UInt16, on interface: Int?) -> Bool {
    for index in 0..<slots.count where slots[index].port == port {
      guard let interface, let other = slots[index].interface else {
        return true
      }
      if interface == other { return true }
    }
    return false
  }

  /// The interface that the socket is of, if it is of one.
  func interface(of id: SocketID) -> Int? {
    index(of: id).flatMap { slots[$0].interface }
  }

  func index(of id: SocketID) -> Int? {
    let index = Int(id.index)
    guard index < slots.count, slots[index].generation == id.generation,
      slots[index].port != 0
    else { return nil }
    return index
  }

  private mutating func freeSlot() -> Int? {
    for index in 0..<slots.count where slots[index].port == 0 { return index }
    guard slots.count < limits.sockets else { return nil }
    slots.append(UDPSocket())
    return slots.count - 1
  }

  /// A port that cannot be predicted. RFC 6056 §3.3.1.
  private func freePort(_ random: inout RandomNumbers) -> UInt16 {
    let range = Self.ephemeralPorts
    var port = UInt16.random(in: range, using: &random)
    while isTaken(port, on: nil) {
      port = port == range.upperBound ? range.lowerBound : port + 1
    }
    return port
  }

  // MARK: Sending

  /// Whether the socket takes one more datagram; if not, ``takeChanges()``
  /// tells when it does.
  mutating func reserve(
    _ id: SocketID,
    on interface: Int,
    buffers: Int,
    available: Int
  ) -> Bool {
    guard let index = index(of: id) else { return false }
    slots[index].wantedBuffers = buffers
    slots[index].wantedInterface = interface
    if hasRoom(index, available: available) { return true }
    if !slots[index].wantsRoom {
      slots[index].wantsRoom = true
      wantingCount += 1
    }
    return false
  }

  /// Whether the socket in a slot may have the datagram that it wants to send
  /// wait for its device: of those that may, each link's have the same share of
  /// the buffers, and as much stays free.
  @_addressableSelf
  private func hasRoom(_ index: Int, available: Int) -> Bool {
    let interface = slots[index].wantedInterface
    let wanted = slots[index].wantedBuffers
    return outlets[interface].count(of: index) < limits.unsentDatagramsPerSocket
      && (outlets[interface].count + wanted) * limits.freeBuffersPerUnsent
        <= available - wanted
  }

  /// Lets `packet`, which begins at its IP header, wait for the device.
  mutating func appendUnsent(
    _ packet: consuming PacketBuffer,
    _ id: SocketID,
    on interface: Int
  ) {
    guard let index = index(of: id) else { return }
    outlets[interface].append(packet, of: index)
  }

  /// The next datagram to send over `interface`, the sockets taking turns.
  mutating func popUnsent(on interface: Int) -> PacketBuffer? {
    guard outlets[interface].count > 0 else { return nil }
    return outlets[interface].popFirst(ofSockets: slots.count)
  }

  /// Drops what was not sent over `interface`, and returns how many datagrams
  /// that were.
  mutating func removeUnsent(on interface: Int) -> Int {
    var dropped = 0
    for index in 0..<slots.count {
      dropped += outlets[interface].removeAll(of: index)
    }
    return dropped
  }

  // MARK: Changes

  /// Notes that there is room again for those that were refused.
  mutating func noteRoom(available: Int) {
    guard wantingCount > 0 else { return }
    for index in 0..<slots.count
    where slots[index].wantsRoom && hasRoom(index, available: available) {
      slots[index].wantsRoom = false
      wantingCount -= 1
      note(.writable, at: index)
    }
  }

  /// Notes that something which the socket of `port` sent did not arrive, if it
  /// has sent there. Returns whether it has.
  mutating func noteFailure(
    _ failure: DatagramFailure,
    port: UInt16,
    on interface: Int
  ) -> Bool {
    guard port != 0, let index = find(port, on: interface),
      slots[index].hasSent(to: failure.remote)
    else { return false }
    slots[index].failure = failure
    note(.unreachable, at: index)
    return true
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

  mutating func note(_ change: DatagramChanges, at index: Int) {
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
