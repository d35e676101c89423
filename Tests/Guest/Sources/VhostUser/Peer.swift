/// The other end of the guest's wire: it gives a lease, answers ARP, and pings.
///
///     10.77.0.1/24, the peer  ⇄  the guest, 10.77.0.2
struct Peer {
  static let prefixLength = 24
  static let leaseSeconds: UInt32 = 3600
  /// Of a ping's payload.
  private static let pingSize = 256
  private static let pingIdentifier: UInt16 = 0xA905

  private let station = Station(
    hardware: [0x52, 0x54, 0x00, 0x77, 0x00, 0x01],
    address: 0x0A4D_0001
  )
  private var guest = Station(
    hardware: Station.broadcast.hardware,
    address: 0x0A4D_0002
  )
  /// The guest has been given its address.
  private(set) var hasLease = false
  /// The sequence number of the last ping.
  private var sequence: UInt16 = 0
  private var awaited: [UInt8]?

  /// The connection to the guest, the last one if it has ended.
  private var exchange: Exchange?
  /// Whether the guest completes checksums itself.
  private var leavesChecksums = false

  /// A frame for the guest.
  struct Outgoing {
    let bytes: [UInt8]
    /// Of a TCP segment whose checksum is left to the guest: the bytes of its
    /// headers, from the beginning of the frame.
    var headerSize: Int?

    init(_ bytes: [UInt8], headerSize: Int? = nil) {
      self.bytes = bytes
      self.headerSize = headerSize
    }
  }

  /// What has come of a frame.
  enum Event {
    case answer(Outgoing)
    case lease(Outgoing)
    case pong
    case segments([Outgoing])
    case bad(String)
  }

  /// The next ping.
  mutating func ping() -> Outgoing {
    sequence &+= 1
    var contents: [UInt8] = []
    contents.append(bigEndian: Self.pingIdentifier)
    contents.append(bigEndian: sequence)
    contents += (0..<Self.pingSize).map {
      UInt8(truncatingIfNeeded: $0 &* 7 &+ Int(sequence))
    }
    awaited = contents
    return Outgoing(
      Frame.echo(isRequest: true, from: station, to: guest, contents)
    )
  }

  /// Takes a frame of the guest.
  mutating func receive(_ frame: [UInt8]) -> Event? {
    guard frame.count >= Offset.arpEnd else { return nil }
    switch frame.number16(Offset.type) {
    case EtherType.arp: return receiveARP(frame)
    case EtherType.ipv4: return receiveIPv4(frame)
    default: return nil
    }
  }

  private mutating func receiveARP(_ frame: [UInt8]) -> Event? {
    let sender = Station(
      hardware: Array(
        frame[Offset.arpSenderHardware..<Offset.arpSenderHardware + 6]
      ),
      address: frame.number32(Offset.arpSender)
    )
    if sender.address == guest.address { guest = sender }
    // A request for us; probes for other addresses find nobody.
    guard frame.number16(Offset.arpOperation) == 1,
      frame.number32(Offset.arpTarget) == station.address
    else { return nil }
    return .answer(
      Outgoing(Frame.arp(operation: 2, from: station, to: sender))
    )
  }

  private mutating func receiveIPv4(_ frame: [UInt8]) -> Event? {
    let end = Offset.ipLengths + Int(frame.number16(Offset.ipTotalLength))
    guard frame[Offset.ipLengths] == 0x45, end <= frame.count,
      end >= Offset.udpData,
      internetChecksum(frame[Offset.ipLengths..<Offset.transport]) == 0
    else { return nil }
    switch frame[Offset.ipProtocol] {
    case IPProtocol.icmp:
      guard internetChecksum(frame[Offset.transport..<end]) == 0 else {
        return nil
      }
      return receiveICMP(frame, Array(frame[Offset.icmpIdentifier..<end]))
    case IPProtocol.tcp: return receiveTCP(frame, end: end)
    case IPProtocol.udp where frame.number16(Offset.udpTargetPort) == 67:
      let request = DHCPRequest(Array(frame[Offset.udpData..<end]))
      return request.flatMap { answer($0) }
    default: return nil
    }
  }

  private mutating func receiveICMP(
    _ frame: [UInt8],
    _ contents: [UInt8]
  ) -> Event? {
    switch frame[Offset.icmpType] {
    case 0:
      guard contents == awaited else { return nil }
      awaited = nil
      return .pong
    case 8 where frame.number32(Offset.ipTarget) == station.address:
      return .answer(
        Outgoing(
          Frame.echo(isRequest: false, from: station, to: guest, contents)
        )
      )
    default: return nil
    }
  }

  // MARK: The connection

  /// Begins a connection to the guest, in place of the one before.
  mutating func begin(
    _ exchange: Exchange,
    leavesChecksums: Bool
  ) -> [Outgoing] {
    self.leavesChecksums = leavesChecksums
    self.exchange = exchange
    return frames(self.exchange?.begin() ?? [])
  }

  /// What to send of it now that some time has gone by.
  mutating func tick() -> [Outgoing] { frames(exchange?.tick() ?? []) }

  /// The connection, if it has come to its end.
  var finishedExchange: Exchange? {
    exchange.flatMap { $0.isOver ? $0 : nil }
  }

  private mutating func receiveTCP(_ frame: [UInt8], end: Int) -> Event? {
    guard Exchange.isWhole(frame, end: end) else {
      return .bad("a TCP segment is shorter than its header")
    }
    guard Frame.hasGoodChecksum(frame, end: end) else {
      return .bad("a TCP segment has a bad checksum")
    }
    guard exchange?.accepts(frame) == true else { return nil }
    return .segments(frames(exchange?.receive(frame, end: end) ?? []))
  }

  private func frames(_ segments: [Exchange.Segment]) -> [Outgoing] {
    segments.map { segment in
      Outgoing(
        Frame.tcp(
          from: station,
          to: guest,
          segment.bytes,
          isPartial: leavesChecksums
        ),
        headerSize: leavesChecksums
          ? Offset.transport + segment.headerSize : nil
      )
    }
  }

  /// Gives the one lease that there is. RFC 2131 §4.3.
  private mutating func answer(_ request: DHCPRequest) -> Event? {
    guest.hardware = request.hardware
    let reply = request.reply(offering: guest.address, by: station)
    let frame = Frame.udp(
      from: station,
      port: 67,
      // To the address that it gives, or to all when the client asks for that.
      to: request.wantsBroadcast ? .broadcast : guest,
      port: 68,
      reply
    )
    guard request.kind == .request else { return .answer(Outgoing(frame)) }
    hasLease = true
    return .lease(Outgoing(frame))
  }
}
