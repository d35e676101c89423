/// The layout and the numbers of DHCP. RFC 2131 §2, RFC 2132.
///
///     0    1       2      3      4     8      10
///     | op | htype | hlen | hops | xid | secs | flags |
///     12       16       20       24
///     | ciaddr | yiaddr | siaddr | giaddr |
///     28       44      108    236      240
///     | chaddr | sname | file | cookie | options ...
///
/// What a server says is read by ``DHCPReply``; what this client says is
/// written by ``DHCPRequest``.
enum DHCPMessage {
  /// The offsets of the fields.
  enum Field {
    static let operation = 0
    static let hardwareType = 1
    static let hardwareLength = 2
    static let transaction = 4
    static let seconds = 8
    static let flags = 10
    static let clientAddress = 12
    static let yourAddress = 16
    static let clientHardware = 28
    static let serverName = 44
    static let file = 108
    static let cookie = 236
    static let options = 240
  }

  /// What a message is, in option 53. RFC 2132 §9.6.
  enum Kind: UInt8, Sendable {
    case discover = 1
    case offer = 2
    case request = 3
    case decline = 4
    case acknowledge = 5
    case refuse = 6
    case release = 7
    case inform = 8
  }

  /// The options that this client knows. RFC 2132, by section.
  enum Option {
    /// §3.1
    static let pad: UInt8 = 0
    /// §3.3
    static let subnetMask: UInt8 = 1
    /// §3.5
    static let router: UInt8 = 3
    /// §3.8
    static let nameServer: UInt8 = 6
    /// §3.14
    static let hostName: UInt8 = 12
    /// §3.17
    static let domainName: UInt8 = 15
    /// §5.1
    static let interfaceMTU: UInt8 = 26
    /// §8.3
    static let timeServer: UInt8 = 42
    /// §9.1
    static let requestedAddress: UInt8 = 50
    /// §9.2
    static let leaseTime: UInt8 = 51
    /// §9.3
    static let overload: UInt8 = 52
    /// §9.6
    static let messageType: UInt8 = 53
    /// §9.7
    static let server: UInt8 = 54
    /// §9.8
    static let parameterRequest: UInt8 = 55
    /// §9.10
    static let maximumSize: UInt8 = 57
    /// §9.11
    static let renewalTime: UInt8 = 58
    /// §9.12
    static let rebindingTime: UInt8 = 59
    /// §9.14, RFC 4361 §6.1
    static let clientIdentifier: UInt8 = 61
    /// RFC 3397 §2
    static let searchList: UInt8 = 119
    /// RFC 3442
    static let classlessRoutes: UInt8 = 121
    /// §3.2
    static let end: UInt8 = 255

    /// Whether this client reads the option in what a server says.
    static func isRead(_ code: UInt8) -> Bool {
      switch code {
      case subnetMask, router, nameServer, domainName, interfaceMTU, timeServer,
        leaseTime, overload, messageType, server, renewalTime, rebindingTime,
        clientIdentifier, searchList, classlessRoutes:
        true
      default: false
      }
    }
  }

  /// The value of `op` from a client.
  static let bootRequest: UInt8 = 1
  /// The value of `op` from a server.
  static let bootReply: UInt8 = 2
  /// The value of `htype` for Ethernet.
  static let ethernet: UInt8 = 1
  /// What stands before the options. RFC 2131 §3.
  static let magicCookie: UInt32 = 0x6382_5363
  /// The port of a server.
  static let serverPort: UInt16 = 67
  /// The port of a client.
  static let clientPort: UInt16 = 68
  /// A lease time without end. RFC 2131 §3.3.
  static let infinity: UInt32 = 0xFFFF_FFFF
}
