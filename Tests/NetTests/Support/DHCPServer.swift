import Net
import Testing

/// A DHCP message of the client, taken apart by offsets of RFC 2131 §2.
struct SentDHCP: CustomStringConvertible {
  let frame: [UInt8]
  let message: [UInt8]

  init(_ frame: [UInt8]) {
    self.frame = frame
    message = Array(frame[42...])
  }

  var transaction: UInt32 {
    UInt32(message.word(at: 4)) << 16 | UInt32(message.word(at: 6))
  }
  var seconds: UInt16 { message.word(at: 8) }
  var flags: UInt16 { message.word(at: 10) }
  var clientAddress: [UInt8] { Array(message[12..<16]) }
  var toHardware: [UInt8] { Array(frame[0..<6]) }
  var source: [UInt8] { Array(frame[26..<30]) }
  var destination: [UInt8] { Array(frame[30..<34]) }
  var ports: [UInt8] { Array(frame[34..<38]) }

  /// The options by their codes.
  var options: [UInt8: [UInt8]] {
    var options: [UInt8: [UInt8]] = [:]
    var offset = 240
    while message[offset] != 255 {
      let length = Int(message[offset + 1])
      options[message[offset]] = Array(
        message[(offset + 2)..<(offset + 2 + length)]
      )
      offset += 2 + length
    }
    return options
  }

  var kind: UInt8 { options[53]![0] }

  var description: String { text(message) }
}

/// A DHCP server that says what the test wants.
struct DHCPServer {
  static let offer: UInt8 = 2
  static let acknowledge: UInt8 = 5
  static let refuse: UInt8 = 6

  /// Whom it answers.
  var client = Hosts.our
  /// What it grants: 10.0.2.15/24 for a day, as QEMU's does.
  var address = Hosts.ourAddress
  var server: IPv4Address? = Hosts.gatewayAddress
  var mask: [UInt8]? = [255, 255, 255, 0]
  var router: [UInt8]? = [10, 0, 2, 2]
  var nameServers: [UInt8]? = [10, 0, 2, 3]
  var leaseSeconds: UInt32? = 86400
  var renewalSeconds: UInt32?
  var rebindingSeconds: UInt32?

  private static func option(_ code: UInt8, _ value: [UInt8]?) -> [UInt8] {
    value.map { [code, UInt8($0.count)] + $0 } ?? []
  }

  /// The message that answers `request`, whatever that was.
  func message(_ kind: UInt8, to request: SentDHCP) -> [UInt8] {
    var message = [2, 1, 6, 0] + Frames.bytes(request.transaction)
    message += [0, 0, 0, 0]  // secs, flags
    message += [0, 0, 0, 0]  // ciaddr
    message += kind == Self.refuse ? [0, 0, 0, 0] : Frames.bytes(address)
    message += [UInt8](repeating: 0, count: 8)  // siaddr, giaddr
    message += Frames.bytes(client)
    message += [UInt8](repeating: 0, count: 10 + 64 + 128)
    message += hex("63825363") + [53, 1, kind]
    message += Self.option(54, server.map(Frames.bytes))
    if kind != Self.refuse {
      message += Self.option(51, leaseSeconds.map(Frames.bytes))
      message += Self.option(1, mask)
      message += Self.option(3, router)
      message += Self.option(6, nameServers)
      message += Self.option(58, renewalSeconds.map(Frames.bytes))
      message += Self.option(59, rebindingSeconds.map(Frames.bytes))
    }
    return message + [255]
  }

  /// The frame that carries a message to the client.
  func frame(
    _ message: [UInt8],
    toAll: Bool = false,
    port: UInt16 = 67
  ) -> [UInt8] {
    let source = server ?? Hosts.gatewayAddress
    let destination = toAll ? IPv4Address.broadcast : address
    return Frames.ethernet(
      from: Hosts.gateway,
      to: toAll ? .broadcast : client,
      Frames.ipv4(
        protocol: 17,
        from: source,
        to: destination,
        Frames.udp(
          from: source,
          port: port,
          to: destination,
          port: 68,
          message
        )
      )
    )
  }

  func reply(_ kind: UInt8, to request: SentDHCP) -> [UInt8] {
    frame(message(kind, to: request))
  }
}

extension TestHost {
  /// The DHCP messages that are sent; ARP goes by.
  func sentDHCP(
    at seconds: Double,
    sourceLocation: SourceLocation = #_sourceLocation
  ) -> [SentDHCP] {
    stack.poll(at: .at(seconds))
    return sent(at: seconds, sourceLocation: sourceLocation)
      .filter { $0.word(at: 12) == 0x0800 }
      .map { SentDHCP($0) }
  }

  /// DISCOVER to BOUND at `seconds`.
  func bind(_ server: DHCPServer, at seconds: Double) {
    for kind in [DHCPServer.offer, DHCPServer.acknowledge] {
      guard let request = sentDHCP(at: seconds).first else {
        Issue.record("the client is silent")
        return
      }
      receive(server.reply(kind, to: request), at: seconds)
    }
  }

  /// Polls at every deadline from `start` to `end`, and returns the DHCP
  /// messages with their times.
  func runDHCP(
    from start: Double,
    to end: Double
  ) -> [(seconds: Double, message: SentDHCP)] {
    var found: [(Double, SentDHCP)] = []
    var now = start
    while true {
      found += sentDHCP(at: now).map { (now, $0) }
      guard let deadline = stack.nextDeadline(), deadline.seconds <= end else {
        return found
      }
      if deadline.seconds <= now {
        Issue.record("the deadline \(deadline.seconds) is not after \(now)")
        return found
      }
      now = deadline.seconds
    }
  }
}
