import Packets

/// What a DHCP server says, as far as this client has use for it. The layout
/// is that of ``DHCPMessage``.
struct DHCPReply: Sendable {
  private typealias Field = DHCPMessage.Field
  private typealias Option = DHCPMessage.Option

  /// The name servers that are kept; more are of no use to a host.
  private static let nameServerLimit = 3

  /// Whether this is an offer, an acknowledgement, a refusal or, from a server
  /// that is none, something else.
  private(set) var kind: DHCPMessage.Kind
  /// The transaction it belongs to (xid).
  let transaction: UInt32
  /// The address that is offered or granted (yiaddr).
  let yourAddress: IPv4Address
  /// The client that it is for (chaddr).
  let clientHardware: MACAddress
  /// Option 1.
  private(set) var subnetMask: IPv4Address?
  /// Option 3: the first of them.
  private(set) var router: IPv4Address?
  /// Option 6: the first few.
  private(set) var nameServers: [IPv4Address] = []
  /// Option 51, in seconds.
  private(set) var leaseSeconds: UInt32?
  /// Option 54.
  private(set) var server: IPv4Address?
  /// Option 58, in seconds.
  private(set) var renewalSeconds: UInt32?
  /// Option 59, in seconds.
  private(set) var rebindingSeconds: UInt32?

  /// Reads and checks the message.
  init(parsing message: RawSpan) throws(DropReason) {
    guard message.byteCount >= Field.options else {
      throw DropReason.dhcpTruncated
    }
    guard
      message.byte(at: Field.operation) == DHCPMessage.bootReply,
      message.byte(at: Field.hardwareType) == DHCPMessage.ethernet,
      message.byte(at: Field.hardwareLength) == 6,
      message.bigEndian(at: Field.cookie) == DHCPMessage.magicCookie
    else { throw DropReason.dhcpMalformed }
    transaction = message.bigEndian(at: Field.transaction)
    yourAddress = message.ipv4Address(at: Field.yourAddress)
    clientHardware = message.macAddress(at: Field.clientHardware)
    // Until option 53 says what the message is, it is one that no client
    // takes: what has no such option is BOOTP, not DHCP.
    kind = .inform

    var overload: UInt8 = 0
    try readOptions(
      message.extracting(Field.options..<message.byteCount),
      overload: &overload
    )
    // RFC 2132 §9.3: the file field holds options too if bit 0 is set, and
    // after it the server name field if bit 1 is. Neither can ask for more.
    var ignored: UInt8 = 0
    if overload & 1 != 0 {
      let file = message.extracting(Field.file..<Field.cookie)
      try readOptions(file, overload: &ignored)
    }
    if overload & 2 != 0 {
      let name = message.extracting(Field.serverName..<Field.file)
      try readOptions(name, overload: &ignored)
    }
    guard kind != .inform else { throw DropReason.dhcpMalformed }
  }

  private mutating func readOptions(
    _ options: RawSpan,
    overload: inout UInt8
  ) throws(DropReason) {
    var offset = 0
    // Each turn takes one byte at least, so this ends.
    while offset < options.byteCount {
      let code = options.byte(at: offset)
      offset += 1
      if code == Option.end { return }
      if code == Option.pad { continue }
      guard offset < options.byteCount else {
        throw DropReason.dhcpOptionMalformed
      }
      let length = Int(options.byte(at: offset))
      offset += 1
      guard length <= options.byteCount - offset else {
        throw DropReason.dhcpOptionMalformed
      }
      let value = options.extracting(offset..<(offset + length))
      offset += length
      try take(code, value, overload: &overload)
    }
  }

  private mutating func take(
    _ code: UInt8,
    _ value: RawSpan,
    overload: inout UInt8
  ) throws(DropReason) {
    switch code {
    case Option.messageType:
      guard value.byteCount == 1,
        let kind = DHCPMessage.Kind(rawValue: value.byte(at: 0))
      else { throw DropReason.dhcpOptionMalformed }
      self.kind = kind
    case Option.overload:
      guard value.byteCount == 1 else {
        throw DropReason.dhcpOptionMalformed
      }
      overload = value.byte(at: 0)
    case Option.subnetMask: subnetMask = try Self.address(value)
    case Option.server: server = try Self.address(value)
    case Option.leaseTime: leaseSeconds = try Self.seconds(value)
    case Option.renewalTime: renewalSeconds = try Self.seconds(value)
    case Option.rebindingTime: rebindingSeconds = try Self.seconds(value)
    case Option.router:
      try Self.checkAddresses(value)
      router = value.ipv4Address(at: 0)
    case Option.nameServer:
      try Self.checkAddresses(value)
      nameServers.removeAll(keepingCapacity: true)
      for index in 0..<min(value.byteCount / 4, Self.nameServerLimit) {
        nameServers.append(value.ipv4Address(at: 4 * index))
      }
    default:
      // RFC 2132 §2: options that are not known are skipped by their length.
      break
    }
  }

  private static func seconds(_ value: RawSpan) throws(DropReason) -> UInt32 {
    guard value.byteCount == 4 else { throw DropReason.dhcpOptionMalformed }
    return value.bigEndian(at: 0)
  }

  private static func address(
    _ value: RawSpan
  ) throws(DropReason) -> IPv4Address {
    IPv4Address(bits: try seconds(value))
  }

  /// Whether the value is one or more addresses.
  private static func checkAddresses(_ value: RawSpan) throws(DropReason) {
    guard value.byteCount >= 4, value.byteCount % 4 == 0 else {
      throw DropReason.dhcpOptionMalformed
    }
  }
}
