import Packets

/// What a DHCP server says, as far as this client has use for it. The layout
/// is that of ``DHCPMessage``.
struct DHCPReply: Sendable {
  private typealias Field = DHCPMessage.Field
  private typealias Option = DHCPMessage.Option

  /// The name servers, and the time servers, that are kept; more are of no use
  /// to a host.
  private static let serverLimit = 3

  /// Whether this is an offer, an acknowledgement, a refusal or, from a server
  /// that is none, something else.
  let kind: DHCPMessage.Kind
  /// The transaction it belongs to (xid).
  let transaction: UInt32
  /// The address that is offered or granted (yiaddr).
  let yourAddress: IPv4Address
  /// The client that it is for (chaddr).
  let clientHardware: MACAddress
  /// Option 1.
  let subnetMask: IPv4Address?
  /// Option 3: the first of them.
  let router: IPv4Address?
  /// Option 6: the first few.
  let nameServers: [IPv4Address]
  /// Option 51, in seconds.
  let leaseSeconds: UInt32?
  /// Option 54.
  let server: IPv4Address?
  /// Option 58, in seconds.
  let renewalSeconds: UInt32?
  /// Option 59, in seconds.
  let rebindingSeconds: UInt32?
  /// Option 61, as the client has sent it. RFC 6842 §3.
  let clientIdentifier: [UInt8]?

  /// Option 121.
  private(set) var routes: [ClasslessRoute]?
  /// How many routes of option 121 are more than are kept.
  private(set) var omittedRoutes = 0
  /// Option 26, in bytes.
  private(set) var interfaceMTU: Int?
  /// Option 42: the first few.
  private(set) var timeServers: [IPv4Address] = []
  /// Option 119, or else option 15.
  private(set) var searchList = SearchList()
  /// Options that were refused: the lease is good without them.
  private(set) var refusedOptions = 0

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

    let options = try DHCPOptions(gathering: message)
    kind = try Self.kind(options[Option.messageType])
    subnetMask = try Self.address(options[Option.subnetMask])
    server = try Self.address(options[Option.server])
    leaseSeconds = try Self.seconds(options[Option.leaseTime])
    renewalSeconds = try Self.seconds(options[Option.renewalTime])
    rebindingSeconds = try Self.seconds(options[Option.rebindingTime])
    router = try Self.addresses(options[Option.router], limit: 1).first
    nameServers = try Self.addresses(
      options[Option.nameServer],
      limit: Self.serverLimit
    )
    clientIdentifier = options[Option.clientIdentifier]
    readRest(options)
  }

  private static func kind(
    _ value: [UInt8]?
  ) throws(DropReason) -> DHCPMessage.Kind {
    // What has no such option is BOOTP, not DHCP.
    guard let value else { throw DropReason.dhcpMalformed }
    guard value.count == 1, let kind = DHCPMessage.Kind(rawValue: value[0])
    else { throw DropReason.dhcpOptionMalformed }
    guard kind != .inform else { throw DropReason.dhcpMalformed }
    return kind
  }

  private static func seconds(
    _ value: [UInt8]?
  ) throws(DropReason) -> UInt32? {
    guard let value else { return nil }
    guard value.count == 4 else { throw DropReason.dhcpOptionMalformed }
    return value.rawBytes.bigEndian(at: 0)
  }

  private static func address(
    _ value: [UInt8]?
  ) throws(DropReason) -> IPv4Address? {
    guard let bits = try seconds(value) else { return nil }
    return IPv4Address(bits: bits)
  }

  /// The first few of the addresses that a value is made of.
  private static func addresses(
    _ value: [UInt8]?,
    limit: Int
  ) throws(DropReason) -> [IPv4Address] {
    guard let value else { return [] }
    guard value.count >= 4, value.count % 4 == 0 else {
      throw DropReason.dhcpOptionMalformed
    }
    var addresses: [IPv4Address] = []
    for index in 0..<min(value.count / 4, limit) {
      addresses.append(value.rawBytes.ipv4Address(at: 4 * index))
    }
    return addresses
  }

  // MARK: What the lease is good without

  private mutating func readRest(_ options: DHCPOptions) {
    if let value = options[Option.classlessRoutes] {
      do throws(DropReason) {
        let parsed = try ClasslessRoute.parse(value.rawBytes)
        routes = parsed.routes
        omittedRoutes = parsed.omitted
      } catch {
        refusedOptions += 1
      }
    }
    if let value = options[Option.interfaceMTU] {
      if value.count == 2 {
        interfaceMTU = Int(value[0]) << 8 | Int(value[1])
      } else {
        refusedOptions += 1
      }
    }
    do throws(DropReason) {
      timeServers = try Self.addresses(
        options[Option.timeServer],
        limit: Self.serverLimit
      )
    } catch {
      refusedOptions += 1
    }
    readDomains(options)
  }

  private mutating func readDomains(_ options: DHCPOptions) {
    if let value = options[Option.searchList] {
      do throws(DNSError) {
        searchList = try SearchList(parsing: value.rawBytes)
      } catch {
        refusedOptions += 1
      }
    }
    guard searchList.domains.isEmpty, var value = options[Option.domainName]
    else { return }
    // RFC 2132 §2: servers may end a text with a zero, which is not part of it.
    while value.last == 0 { value.removeLast() }
    if let domain = DNSName(ascii: value) {
      searchList = SearchList([domain])
    } else {
      refusedOptions += 1
    }
  }
}
