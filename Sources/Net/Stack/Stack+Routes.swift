import BasicContainers
import Packets

/// Ways to other hosts. RFC 1122 §3.3.1.
extension Stack {
  // MARK: Routes come and go

  /// Takes in that an interface has another lease, or none: its routes are the
  /// ones that came with it.
  mutating func setLease(_ lease: Lease?, on interface: Int) {
    interfaces[interface].lease = lease
    routes.removeAll(of: .lease, on: interface)
    guard let lease else { return }
    insert(
      IPv4Address(bits: lease.address.bits & lease.subnetMask.bits),
      lease.prefixLength,
      nil,
      isEssential: true,
      on: interface
    )
    for route in lease.routes {
      insert(
        route.destination,
        route.prefixLength,
        route.gateway,
        isEssential: route.prefixLength == 0,
        on: interface
      )
    }
    // RFC 3442: a server that names routes has its gateway among them, and what
    // it says beside them the lease has not taken in.
    if let gateway = lease.gateway {
      insert(.any, 0, gateway, isEssential: true, on: interface)
    }
  }

  private mutating func insert(
    _ destination: IPv4Address,
    _ prefixLength: Int,
    _ gateway: IPv4Address?,
    isEssential: Bool = false,
    on interface: Int
  ) {
    let isTaken = routes.insert(
      RouteEntry(
        destination: destination,
        prefixLength: prefixLength,
        gateway: gateway,
        // Of leases that lead to the same the first interface's is taken.
        metric: interface,
        origin: .lease,
        interface: interface,
        isUsable: interfaces[interface].isLinkUp,
        isEssential: isEssential
      )
    )
    if !isTaken { count.drop(.dhcpRouteRefused) }
  }

  /// Adds a way of the app's own, beside those of leases; of two with the same
  /// prefix the app's is taken. It stays when the lease changes.
  ///
  /// - Parameter interface: the one that the gateway is a neighbour on.
  /// - Throws: ``NetworkError/limitReached`` at ``Limits/routes``,
  ///   ``NetworkError/unreachable`` when there is no such interface.
  public mutating func addRoute(
    _ route: ClasslessRoute,
    on interface: Int = 0
  ) throws(NetworkError) {
    guard 0..<interfaces.count ~= interface else { throw .unreachable }
    let isTaken = routes.insert(
      RouteEntry(
        destination: route.destination,
        prefixLength: route.prefixLength,
        gateway: route.gateway,
        metric: -1,
        origin: .app,
        interface: interface,
        isUsable: interfaces[interface].isLinkUp
      )
    )
    guard isTaken else { throw NetworkError.limitReached }
  }

  /// Removes a way that ``addRoute(_:on:)`` has added.
  ///
  /// - Returns: Whether there was one.
  @discardableResult
  public mutating func removeRoute(
    _ route: ClasslessRoute,
    on interface: Int = 0
  ) -> Bool {
    routes.remove(where: {
      $0.origin == .app && $0.interface == interface
        && $0.destination == route.destination
        && $0.prefixLength == route.prefixLength
        && $0.gateway == route.gateway
    }) > 0
  }

  // MARK: The choice

  /// The interface over which something new goes to a destination, and the
  /// address that it comes from.
  struct Path: Equatable, Sendable {
    let interface: Int
    let source: IPv4Address
  }

  /// The way of what belongs to no interface yet: RFC 1122 §3.3.4.3. The longest
  /// prefix decides, then the least metric, which is that of the first
  /// interface; those whose link is down are passed over while there is another.
  ///
  /// - Parameter interface: the one that it is to be, if that is known.
  /// - Throws: ``NetworkError/noAddress`` before an address is bound,
  ///   ``NetworkError/unreachable`` when no route leads there.
  @_addressableSelf
  func path(
    to destination: IPv4Address,
    on interface: Int? = nil
  ) throws(NetworkError) -> Path {
    if destination.isLoopback { return Path(interface: 0, source: destination) }
    let chosen: Int
    if let interface {
      guard 0..<interfaces.count ~= interface else { throw .unreachable }
      chosen = interface
    } else {
      guard let first = firstBound else { throw .noAddress }
      chosen = self.interface(to: destination) ?? first
    }
    guard let route = interfaces[chosen].route else { throw .noAddress }
    guard nextHop(to: destination, on: chosen) != nil else {
      throw .unreachable
    }
    return Path(interface: chosen, source: route.address)
  }

  /// The first interface that has an address; one whose link is up, if there is
  /// one.
  private var firstBound: Int? {
    @_addressableSelf
    get {
      var first: Int?
      for index in 0..<interfaces.count where interfaces[index].route != nil {
        if interfaces[index].isLinkUp { return index }
        first = first ?? index
      }
      return first
    }
  }

  /// The interface whose own address, link or route leads to `destination`;
  /// `nil` where none does, and for all hosts and groups, which are on every
  /// link.
  @_addressableSelf
  private func interface(to destination: IPv4Address) -> Int? {
    if let own = interface(of: destination) { return own }
    for index in 0..<interfaces.count
    where destination != .broadcast
      && interfaces[index].route?.isBroadcast(destination) == true
    {
      return index
    }
    guard destination.isUnicast else { return nil }
    return routes.find(destination)?.interface
  }

  /// Where a datagram to `destination` goes that goes over `interface`, or `nil`
  /// when there is no way.
  ///
  /// RFC 1122 §3.3.4.2, the strong model (B): what comes from the address of an
  /// interface leaves by it, and so only its routes count.
  ///
  /// A gateway is asked for on the link even when its address has another
  /// prefix: hosts with a prefix of 32 bits are given one like that.
  @_addressableSelf
  func nextHop(
    to destination: IPv4Address,
    on interface: Int
  ) -> Route.NextHop? {
    // DHCP needs no address of its own to speak to all.
    if destination == .broadcast { return .broadcast }
    if destination.isLoopback { return .loopback }
    guard let route = interfaces[interface].route else { return nil }
    if self.interface(of: destination) != nil { return .loopback }
    if route.isBroadcast(destination) { return .broadcast }
    if destination.isMulticast { return .group(destination) }
    guard destination.isUnicast,
      let entry = routes.find(destination, on: interface)
    else { return nil }
    return .neighbour(entry.gateway ?? destination)
  }

  /// The interface whose address this is.
  @_addressableSelf
  func interface(of address: IPv4Address) -> Int? {
    for index in 0..<interfaces.count
    where interfaces[index].route?.address == address {
      return index
    }
    return nil
  }

  /// Whether what is sent to `address` never leaves this host. RFC 1122
  /// §3.2.1.3 (g).
  @_addressableSelf
  func isThisHost(_ address: IPv4Address) -> Bool {
    address.isLoopback || interface(of: address) != nil
  }

  /// Whether what this host sends over `interface` may be from `address`.
  @_addressableSelf
  func isOurs(_ address: IPv4Address, on interface: Int) -> Bool {
    address == interfaces[interface].route?.address || address.isLoopback
  }

  /// The largest datagram to `destination`.
  @_addressableSelf
  func pathMTU(
    to destination: IPv4Address,
    on interface: Int,
    at now: Instant
  ) -> Int {
    let most = interfaces[interface].linkMTU
    guard pathMTUs.count > 0 else { return most }
    return min(pathMTUs.mtu(to: destination, at: now) ?? most, most)
  }
}
