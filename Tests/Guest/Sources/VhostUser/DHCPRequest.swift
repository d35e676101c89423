/// What a DHCP client asks for. RFC 2131 §2, RFC 2132.
struct DHCPRequest {
  /// RFC 2132 §9.6, of those that a server answers.
  enum Kind: UInt8 {
    case discover = 1
    case request = 3
  }

  private enum Field {
    static let transaction = 4
    static let flags = 10
    static let clientHardware = 28
    static let cookie = 236
    static let options = 240
  }

  /// RFC 2132.
  private enum Option {
    static let pad: UInt8 = 0
    static let subnetMask: UInt8 = 1
    static let router: UInt8 = 3
    static let leaseTime: UInt8 = 51
    static let kind: UInt8 = 53
    static let server: UInt8 = 54
    static let end: UInt8 = 255
  }

  private static let cookie: UInt32 = 0x6382_5363

  let kind: Kind
  let hardware: [UInt8]
  let wantsBroadcast: Bool
  private let message: [UInt8]

  /// Reads `message`; `nil` when it is none that a server answers.
  init?(_ message: [UInt8]) {
    guard message.count >= Field.options, message[0] == 1,
      message.number32(Field.cookie) == Self.cookie
    else { return nil }
    var found: Kind?
    var index = Field.options
    while index + 1 < message.count, message[index] != Option.end {
      if message[index] == Option.pad {
        index += 1
        continue
      }
      if message[index] == Option.kind, index + 2 < message.count {
        found = Kind(rawValue: message[index + 2])
      }
      index += 2 + Int(message[index + 1])
    }
    guard let found else { return nil }
    kind = found
    hardware = Array(message[Field.clientHardware..<Field.clientHardware + 6])
    wantsBroadcast = message[Field.flags] & 0x80 != 0
    self.message = message
  }

  /// What a server answers that gives `address`.
  func reply(offering address: UInt32, by server: Station) -> [UInt8] {
    // The fixed part: op 2, and the client's own hardware type, transaction,
    // flags and address.
    var reply = Array(message[..<Field.options])
    reply[0] = 2
    for index in 12..<Field.clientHardware { reply[index] = 0 }
    reply.set(UInt16(address >> 16), at: 16)
    reply.set(UInt16(truncatingIfNeeded: address), at: 18)
    for index in 44..<Field.cookie { reply[index] = 0 }
    reply += [Option.kind, 1, kind == .discover ? 2 : 5]
    reply += [Option.server, 4]
    reply.append(bigEndian: server.address)
    reply += [Option.leaseTime, 4]
    reply.append(bigEndian: Peer.leaseSeconds)
    reply += [Option.subnetMask, 4]
    reply.append(bigEndian: ~UInt32(0) << UInt32(32 - Peer.prefixLength))
    reply += [Option.router, 4]
    reply.append(bigEndian: server.address)
    reply.append(Option.end)
    return reply
  }
}
