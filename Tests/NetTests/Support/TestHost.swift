import Net
import Packets
import Testing

extension Instant {
  /// The point `seconds` after the start of the test.
  static func at(_ seconds: Double) -> Instant {
    Instant(nanoseconds: Int64((seconds * 1e9).rounded()))
  }

  /// Seconds since the start of the test.
  var seconds: Double { Double(nanoseconds) / 1e9 }
}

extension StackConfiguration {
  /// A host with 10.0.2.15/24 and a gateway.
  static var fixed: StackConfiguration {
    var configuration = dynamic
    configuration.addressing = .fixed(
      Lease(
        address: Hosts.ourAddress,
        prefixLength: 24,
        gateway: Hosts.gatewayAddress
      )
    )
    return configuration
  }

  /// A host that asks for its address.
  static var dynamic: StackConfiguration {
    var configuration = StackConfiguration(
      macAddress: Hosts.our,
      seed: SipHash.Key(0x0706_0504_0302_0100, 0x0F0E_0D0C_0B0A_0908)
    )
    // Whoever tests the look for others says so.
    configuration.limits.conflict = .unchecked
    return configuration
  }
}

/// A stack with its pool, fed with arrays of bytes.
final class TestHost {
  let pool: PacketPool
  var stack: Stack

  init(_ configuration: StackConfiguration, pool: PacketPool) {
    self.pool = pool
    stack = Stack(configuration, pool: pool, at: .at(0))
  }

  /// Hands a frame up. `headroom` is what the device leaves before it.
  func receive(
    _ frame: [UInt8],
    at seconds: Double = 0,
    headroom: Int = 12
  ) {
    var packet = pool.allocate(headroom: headroom)!
    packet.append(copying: frame.raw)
    stack.receive(packet, at: .at(seconds))
  }

  /// All frames that are sent, each found well formed.
  func sent(
    at seconds: Double = 0,
    sourceLocation: SourceLocation = #_sourceLocation
  ) -> [[UInt8]] {
    var frames: [[UInt8]] = []
    while let packet = stack.transmit(at: .at(seconds)) {
      #expect(
        packet.headroom >= Stack.linkHeadroom,
        sourceLocation: sourceLocation
      )
      let bytes = packet.bytes
      let frame = (0..<bytes.byteCount).map { bytes.byte(at: $0) }
      expectWellFormed(frame, sourceLocation: sourceLocation)
      frames.append(frame)
    }
    return frames
  }

  /// What happened, until nothing has.
  func events() -> [StackEvent] {
    var events: [StackEvent] = []
    while let event = stack.nextEvent() {
      events.append(event)
    }
    return events
  }

  var lease: Lease? { stack.lease }
  var deadline: Instant? { stack.nextDeadline() }
  var counters: StackCounters { stack.counters }

  func bind(port: UInt16) throws(NetworkError) -> SocketID {
    try stack.bindDatagrams(port: port)
  }

  func localPort(of socket: SocketID) -> UInt16? {
    stack.localPort(of: socket)
  }

  func send(
    _ bytes: [UInt8],
    from socket: SocketID,
    to destination: Endpoint,
    at seconds: Double = 0
  ) throws(NetworkError) -> Bool {
    try stack.send(
      bytes.raw,
      from: socket,
      to: destination,
      at: .at(seconds)
    )
  }

  /// The oldest datagram of a socket.
  func received(_ socket: SocketID) -> (source: Endpoint, bytes: [UInt8])? {
    guard let datagram = stack.receiveDatagram(socket) else { return nil }
    let bytes = datagram.payload.bytes
    return (
      datagram.source, (0..<bytes.byteCount).map { bytes.byte(at: $0) }
    )
  }

  func count(_ reason: DropReason) -> UInt64 { stack.counters[reason] }

  /// Lets the stack know where the peer is, by sending to it.
  func introducePeer(
    _ hardware: MACAddress = Hosts.peer,
    _ address: IPv4Address = Hosts.peerAddress,
    at seconds: Double = 0
  ) throws {
    let socket = try stack.bindDatagrams(port: 0)
    _ = try stack.send(
      [UInt8]().raw,
      from: socket,
      to: Endpoint(address: address, port: 9),
      at: .at(seconds)
    )
    _ = sent(at: seconds)
    receive(
      Frames.arp(
        operation: 2,
        from: hardware,
        address,
        for: Hosts.our,
        Hosts.ourAddress,
        frameTo: Hosts.our
      ),
      at: seconds
    )
    _ = sent(at: seconds)
    stack.unbindDatagrams(socket)
    _ = events()
  }
}

/// Runs `body` with a host, and sees that no packet is lost: when the stack
/// ends, the pool is full again.
func withHost(
  _ configuration: StackConfiguration = .fixed,
  packets: Int = 256,
  sourceLocation: SourceLocation = #_sourceLocation,
  _ body: (TestHost) throws -> Void
) rethrows {
  let pool = PacketPool(capacity: packets)
  try run(TestHost(configuration, pool: pool), body)
  #expect(
    pool.available == pool.capacity,
    "packets are lost",
    sourceLocation: sourceLocation
  )
}

/// The host ends with this call.
private func run(
  _ host: consuming TestHost,
  _ body: (TestHost) throws -> Void
) rethrows {
  _ = host.sent()
  _ = host.events()
  try body(host)
}

/// Checks what every frame of ours must keep, with none of our code.
func expectWellFormed(_ frame: [UInt8], sourceLocation: SourceLocation) {
  let shown = Comment(rawValue: text(frame))
  func expect(_ holds: Bool) {
    #expect(holds, shown, sourceLocation: sourceLocation)
  }
  expect(frame.count >= 14)
  expect(Array(frame[6..<12]) == Frames.bytes(Hosts.our))
  guard frame.word(at: 12) == 0x0800 else {
    return expect(frame.word(at: 12) == 0x0806 && frame.count == 42)
  }
  let datagram = Array(frame[14...])
  // Only what is about groups has an option: Router Alert.
  let length = datagram[9] == 2 ? 24 : 20
  expect(datagram[0] == 0x40 | UInt8(length / 4))
  expect(Int(datagram.word(at: 2)) == datagram.count)
  expect(checksum(Array(datagram[..<length])) == 0)
  let payload = Array(datagram[length...])
  // A part has no checksum of its own.
  if datagram.word(at: 6) & 0x3FFF != 0 {
    return expect(!payload.isEmpty)
  }
  switch datagram[9] {
  case 1:
    expect(checksum(payload) == 0)
  case 2:
    expect(checksum(payload) == 0)
    expect(datagram[8] == 1)
    expect(Array(datagram[20..<24]) == [0x94, 4, 0, 0])
    expect(Array(frame[0..<3]) == [1, 0, 0x5E])
  case 6, 17:
    let pseudo =
      Array(datagram[12..<20]) + [0, datagram[9]]
      + Frames.bytes(UInt16(payload.count))
    expect(checksum(pseudo + payload) == 0)
    if datagram[9] == 17 {
      expect(payload.word(at: 6) != 0)
      expect(Int(payload.word(at: 4)) == payload.count)
    }
  default:
    expect(false)
  }
}

/// The frame with the identification and checksum of its IP header cleared, to
/// be compared with a literal one.
func plain(_ frame: [UInt8]) -> [UInt8] {
  guard frame.word(at: 12) == 0x0800 else { return frame }
  return frame.replacing(at: 18, with: [0, 0])
    .replacing(at: 24, with: [0, 0])
}
