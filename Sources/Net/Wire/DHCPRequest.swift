import Packets

/// What this client says to a DHCP server: DISCOVER, REQUEST, DECLINE or
/// RELEASE. The layout is that of ``DHCPMessage``; which options each of them
/// has is RFC 2131 §4.4.1, table 5.
struct DHCPRequest: Sendable {
  private typealias Field = DHCPMessage.Field
  private typealias Option = DHCPMessage.Option

  /// Relays may drop what is shorter than a BOOTP message. RFC 1542 §2.1.
  private static let smallestSize = 300
  /// What a host name can have. RFC 1123 §2.1.
  static let hostNameLimit = 63

  /// What the client asks for. RFC 3442 wants 121 to stand before 3, so that a
  /// server which runs out of room keeps the one that counts.
  private static let parameters: InlineArray<11, UInt8> = [
    Option.subnetMask, Option.classlessRoutes, Option.router, Option.nameServer,
    Option.domainName, Option.interfaceMTU, Option.timeServer, Option.leaseTime,
    Option.renewalTime, Option.rebindingTime, Option.searchList,
  ]

  var kind: DHCPMessage.Kind
  /// The transaction (xid).
  var transaction: UInt32
  /// Seconds since the client began with it (secs).
  var seconds: UInt16
  /// The address that the client has and may use (ciaddr), or none.
  var clientAddress: IPv4Address
  /// This client (chaddr).
  var clientHardware: MACAddress
  /// Option 61: the same in every message. RFC 4361 §6.1.
  var clientIdentifier: ClientIdentifier
  /// Option 50.
  var requestedAddress: IPv4Address?
  /// Option 54.
  var server: IPv4Address?
  /// Option 57: the largest message that the client takes, in bytes. Only for
  /// who expects an answer.
  var maximumSize: UInt16
  /// Option 12; left out when empty. Only for who expects an answer.
  var hostName: [UInt8]

  /// Whether a server answers: DECLINE and RELEASE want nothing.
  private var expectsAnswer: Bool { kind == .discover || kind == .request }

  /// The size of the message in bytes.
  var size: Int {
    var size = Field.options + 3 + 2 + clientIdentifier.bytes.count + 1
    size += requestedAddress == nil ? 0 : 6
    size += server == nil ? 0 : 6
    if expectsAnswer {
      size += 4 + 2 + Self.parameters.count
      size += hostName.isEmpty ? 0 : 2 + hostName.count
    }
    return max(size, Self.smallestSize)
  }

  /// Writes the message over all of `message`.
  ///
  /// - Precondition: `message` has ``size`` bytes.
  func write(to message: inout MutableRawSpan) {
    precondition(message.byteCount == size)
    for offset in 0..<message.byteCount {
      message.storeBigEndian(UInt8(0), at: offset)
    }
    message.storeBigEndian(DHCPMessage.bootRequest, at: Field.operation)
    message.storeBigEndian(DHCPMessage.ethernet, at: Field.hardwareType)
    message.storeBigEndian(UInt8(6), at: Field.hardwareLength)
    message.storeBigEndian(transaction, at: Field.transaction)
    message.storeBigEndian(seconds, at: Field.seconds)
    // The broadcast flag stays clear: RFC 2131 §4.1 asks for that of a client
    // that takes unicast datagrams before it has an address, as this one does.
    message.store(clientAddress, at: Field.clientAddress)
    message.store(clientHardware, at: Field.clientHardware)
    message.storeBigEndian(DHCPMessage.magicCookie, at: Field.cookie)
    writeOptions(to: &message)
  }

  private func writeOptions(to message: inout MutableRawSpan) {
    var offset = Field.options
    func begin(
      _ code: UInt8,
      _ length: Int,
      _ message: inout MutableRawSpan
    ) -> Int {
      message.storeBigEndian(code, at: offset)
      message.storeBigEndian(UInt8(length), at: offset + 1)
      defer { offset += 2 + length }
      return offset + 2
    }
    var value = begin(Option.messageType, 1, &message)
    message.storeBigEndian(kind.rawValue, at: value)
    let identifier = clientIdentifier.bytes
    value = begin(Option.clientIdentifier, identifier.count, &message)
    message.copy(identifier.rawBytes, to: value)
    if let requestedAddress {
      value = begin(Option.requestedAddress, 4, &message)
      message.store(requestedAddress, at: value)
    }
    if let server {
      value = begin(Option.server, 4, &message)
      message.store(server, at: value)
    }
    guard expectsAnswer else {
      return message.storeBigEndian(Option.end, at: offset)
    }
    value = begin(Option.maximumSize, 2, &message)
    message.storeBigEndian(maximumSize, at: value)
    if !hostName.isEmpty {
      value = begin(Option.hostName, hostName.count, &message)
      message.copy(hostName.rawBytes, to: value)
    }
    value = begin(Option.parameterRequest, Self.parameters.count, &message)
    for index in Self.parameters.indices {
      message.storeBigEndian(Self.parameters[index], at: value + index)
    }
    message.storeBigEndian(Option.end, at: offset)
  }
}
