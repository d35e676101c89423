import Net

/// What the kernel command line says of the addresses of one interface, here of
/// the first; of the next they begin with `net1.`:
///
///     net.address=192.168.1.2/24            instead of what a DHCP server says
///     net.gateway=192.168.1.1               with it
///     net.dns=192.168.1.1,192.168.1.3       with it
///     net.route=10.1.0.0/16,192.168.1.254   beside a lease, too; up to 8
///     net.remembered=192.168.1.2            a DHCP server is asked for it first
struct AddressOptions: Equatable {
  /// The most routes that are taken: leases need places in the table, too.
  private static var mostRoutes: Int { 8 }
  /// As many as a lease may have, of name servers and of time servers.
  private static var mostServers: Int { 3 }

  /// An address, and how many of its bits the hosts of its link have in common.
  private struct Prefix: Equatable {
    let address: IPv4Address
    let length: Int

    /// Such as `192.168.1.2/24`.
    init?(_ text: String) {
      let parts = AddressOptions.parts(text, at: UInt8(ascii: "/"))
      guard parts.count == 2, let address = IPv4Address(parts[0]),
        let length = Int(parts[1]), 0...32 ~= length
      else { return nil }
      self.address = address
      self.length = length
    }
  }

  private var address: Prefix?
  private var gateway: IPv4Address?
  private var nameServers: [IPv4Address] = []
  /// The ways to other hosts.
  private(set) var routes: [ClasslessRoute] = []
  /// The address that a DHCP server is asked for first.
  private(set) var remembered: IPv4Address?

  /// The address that was set, with what goes with it; `nil`: a DHCP server is
  /// asked.
  var lease: Lease? {
    address.map {
      Lease(
        address: $0.address,
        prefixLength: $0.length,
        gateway: gateway,
        nameServers: nameServers
      )
    }
  }

  // Each takes the value of an option, and returns why it is not taken, for a
  // sentence that begins with "it", and `nil` when it is.

  mutating func takeAddress(_ value: String) -> String? {
    guard address == nil else { return "was given before" }
    guard let prefix = Prefix(value) else {
      return "takes an address and the bits of its prefix, such as"
        + " 192.168.1.2/24"
    }
    let lease = Lease(address: prefix.address, prefixLength: prefix.length)
    guard lease.isUsable else {
      return "takes an address that one host can have, with a prefix of 1 to"
        + " 32 bits"
    }
    address = prefix
    return nil
  }

  mutating func takeGateway(_ value: String) -> String? {
    guard gateway == nil else { return "was given before" }
    guard let host = Self.host(value) else {
      return "takes the address of a host, such as 192.168.1.1"
    }
    gateway = host
    return nil
  }

  mutating func takeNameServers(_ value: String) -> String? {
    Self.takeServers(value, for: &nameServers)
  }

  /// Takes the servers of `value`, with commas between.
  static func takeServers(
    _ value: String,
    for servers: inout [IPv4Address]
  ) -> String? {
    guard servers.isEmpty else { return "was given before" }
    let parts = parts(value, at: UInt8(ascii: ","))
    let found = parts.compactMap { host($0) }
    guard found.count == parts.count, found.count <= mostServers else {
      return "takes the addresses of 1 to \(mostServers) hosts, such as"
        + " 192.168.1.1,192.168.1.3"
    }
    servers = found
    return nil
  }

  mutating func takeRoute(_ value: String) -> String? {
    let parts = Self.parts(value, at: UInt8(ascii: ","))
    guard parts.count == 2, let prefix = Prefix(parts[0]),
      let gateway = Self.host(parts[1])
    else {
      return "takes a prefix and the host that knows the way there, such as"
        + " 10.1.0.0/16,192.168.1.254"
    }
    let route = ClasslessRoute(
      prefix.address,
      prefixLength: prefix.length,
      gateway: gateway
    )
    guard route.destination == prefix.address else {
      return "takes a prefix whose other bits are clear"
    }
    guard !routes.contains(route) else { return "was given before" }
    guard routes.count < Self.mostRoutes else {
      return "is beyond the \(Self.mostRoutes) that an interface may have"
    }
    routes.append(route)
    return nil
  }

  mutating func takeRemembered(_ value: String) -> String? {
    guard remembered == nil else { return "was given before" }
    guard let host = Self.host(value) else {
      return "takes the address that a server has leased before, such as"
        + " 192.168.1.2"
    }
    remembered = host
    return nil
  }

  /// Looks whether the options go together.
  ///
  /// - Returns: What of them does not, and is not used, and why; `nil` when they
  ///   do.
  mutating func check() -> (option: String, reason: String)? {
    guard let address else {
      if gateway != nil {
        gateway = nil
        return (
          "gateway=",
          "needs address=, too; beside a DHCP server's gateway there may be"
            + " route=0.0.0.0/0,GATEWAY"
        )
      }
      guard !nameServers.isEmpty else { return nil }
      nameServers = []
      return ("dns=", "needs address=, too")
    }
    if remembered != nil {
      remembered = nil
      return (
        "remembered=", "asks a DHCP server, and with address= none is asked"
      )
    }
    guard gateway == address.address else { return nil }
    gateway = nil
    return ("gateway=", "takes the address of another host")
  }

  // MARK: Values

  private static func host(_ text: String) -> IPv4Address? {
    guard let address = IPv4Address(text), address.isUnicast else {
      return nil
    }
    return address
  }

  private static func parts(_ text: String, at separator: UInt8) -> [String] {
    Array(text.utf8)
      .split(separator: separator, omittingEmptySubsequences: false)
      .map { String(decoding: $0, as: UTF8.self) }
  }
}
