import Net
import Packets
import Testing

/// A stack with two interfaces, fed with arrays of bytes:
///
///     0  10.0.2.15/24, over 10.0.2.2 to all others
///     1  10.0.3.15/24, over 10.0.3.2 to all others
///
/// On each the peer is .9.
final class TwoLinks {
  static let hardware = [Hosts.our, MACAddress(0x02, 0, 0, 0, 0, 0x10)]
  static let addresses = [Hosts.ourAddress, IPv4Address(10, 0, 3, 15)]
  static let gateways = [Hosts.gatewayAddress, IPv4Address(10, 0, 3, 2)]
  static let peers = [Hosts.peerAddress, IPv4Address(10, 0, 3, 9)]

  let pool: PacketPool
  var stack: Stack

  /// Interface 0 has `first`, 1 has `second`.
  init(
    _ first: InterfaceConfiguration.Addressing,
    _ second: InterfaceConfiguration.Addressing,
    pool: PacketPool
  ) {
    self.pool = pool
    var configuration = StackConfiguration.dynamic
    configuration.addressing = first
    stack = Stack(configuration, pool: pool, at: .at(0))
    var other = InterfaceConfiguration(macAddress: Self.hardware[1])
    other.addressing = second
    let number = stack.addInterface(other, at: .at(0))
    #expect(number == 1)
  }

  /// The address of `link` as one that was set.
  static func fixed(_ link: Int) -> InterfaceConfiguration.Addressing {
    .fixed(
      Lease(
        address: addresses[link],
        prefixLength: 24,
        gateway: gateways[link]
      )
    )
  }

  /// Hands up a frame that came over `link`. One to interface 0 goes to the
  /// link's own.
  func receive(_ frame: [UInt8], on link: Int, at seconds: Double = 0) {
    var frame = frame
    if frame.prefix(6) == Frames.bytes(Hosts.our)[...] {
      frame = frame.replacing(at: 0, with: Frames.bytes(Self.hardware[link]))
    }
    var packet = pool.allocate(headroom: 12)!
    packet.append(copying: frame.raw)
    stack.receive(packet, on: link, at: .at(seconds))
  }

  /// All frames that are sent over `link`, each from its interface.
  func sent(
    on link: Int,
    at seconds: Double = 0,
    sourceLocation: SourceLocation = #_sourceLocation
  ) -> [[UInt8]] {
    var frames: [[UInt8]] = []
    while let packet = stack.transmit(on: link, at: .at(seconds)) {
      let bytes = packet.bytes
      let frame = (0..<bytes.byteCount).map { bytes.byte(at: $0) }
      #expect(
        Array(frame[6..<12]) == Frames.bytes(Self.hardware[link]),
        sourceLocation: sourceLocation
      )
      frames.append(frame)
    }
    return frames
  }

  /// What is sent over `link` but ARP.
  func datagrams(on link: Int, at seconds: Double = 0) -> [[UInt8]] {
    sent(on: link, at: seconds).filter { $0.word(at: 12) == 0x0800 }
  }

  /// Lets what waits to be sent go, and the events with it.
  func settle(at seconds: Double = 0) {
    stack.poll(at: .at(seconds))
    for link in 0..<2 { _ = sent(on: link, at: seconds) }
    while stack.nextEvent() != nil {}
  }

  /// The host of `link` with `address` says where it is, once it was asked for.
  func answer(
    for address: IPv4Address,
    from hardware: MACAddress = Hosts.peer,
    to asker: IPv4Address? = nil,
    on link: Int,
    at seconds: Double = 0
  ) {
    receive(
      Frames.arp(
        operation: 2,
        from: hardware,
        address,
        for: Self.hardware[link],
        asker ?? Self.addresses[link],
        frameTo: Self.hardware[link]
      ),
      on: link,
      at: seconds
    )
  }

  /// Lets the interface of `link` know where `address` is, by its asking.
  func introduce(
    _ address: IPv4Address,
    on link: Int,
    at seconds: Double = 0
  ) throws {
    let socket = try stack.bindDatagrams(port: 0, on: link)
    _ = try send([], from: socket, to: address, at: seconds)
    settle(at: seconds)
    answer(for: address, on: link, at: seconds)
    settle(at: seconds)
    stack.unbindDatagrams(socket)
  }

  @discardableResult
  func send(
    _ bytes: [UInt8],
    from socket: SocketID,
    to address: IPv4Address,
    on interface: Int? = nil,
    at seconds: Double = 0
  ) throws -> Bool {
    try stack.send(
      bytes.raw,
      from: socket,
      to: Endpoint(address: address, port: 9),
      on: interface,
      at: .at(seconds)
    )
  }

  /// The oldest datagram of a socket: over which link it came, and to whom.
  func received(
    _ socket: SocketID
  ) -> (link: Int, destination: IPv4Address?)? {
    guard let datagram = stack.receiveDatagram(socket) else { return nil }
    return (datagram.interface, datagram.destination.address.ipv4)
  }

  var isAnyUp: Bool { stack.isLinkUp }
  var hasUnsentControl: Bool { stack.hasUnsentControl }

  func isUp(_ link: Int) -> Bool { stack.isLinkUp(on: link) }

  func accept(_ listener: ListenerID) -> ConnectionID? {
    stack.accept(listener)
  }

  func count(_ reason: DropReason) -> UInt64 { stack.counters[reason] }
}

/// Runs `body` with two links, and sees that no packet is lost.
func withTwoLinks(
  _ first: InterfaceConfiguration.Addressing = TwoLinks.fixed(0),
  _ second: InterfaceConfiguration.Addressing = TwoLinks.fixed(1),
  sourceLocation: SourceLocation = #_sourceLocation,
  _ body: (TwoLinks) throws -> Void
) rethrows {
  let pool = PacketPool(capacity: 256)
  try run(TwoLinks(first, second, pool: pool), body)
  #expect(
    pool.available == pool.capacity,
    "packets are lost",
    sourceLocation: sourceLocation
  )
}

/// The stack ends with this call.
private func run(
  _ links: consuming TwoLinks,
  _ body: (TwoLinks) throws -> Void
) rethrows {
  links.settle()
  try body(links)
}
