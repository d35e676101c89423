import Packets

/// Ways to other hosts. RFC 1122 §3.3.1.
extension Stack {
  /// Takes in that there is another lease, or none: its routes are the ones that
  /// came with it.
  mutating func leaseChanged() {
    route = lease.map { Route($0) }
    linkMTU = min(lease?.mtu ?? mtu, mtu)
    routes.removeAll(of: .lease)
    guard let lease else { return }
    insert(
      IPv4Address(bits: lease.address.bits & lease.subnetMask.bits),
      lease.prefixLength,
      nil
    )
    for route in lease.routes {
      insert(route.destination, route.prefixLength, route.gateway)
    }
    // RFC 3442: a server that names routes has its gateway among them, and what
    // it says beside them the lease has not taken in.
    if let gateway = lease.gateway { insert(.any, 0, gateway) }
  }

  private mutating func insert(
    _ destination: IPv4Address,
    _ prefixLength: Int,
    _ gateway: IPv4Address?
  ) {
    routes.insert(
      RouteEntry(
        destination: destination,
        prefixLength: prefixLength,
        gateway: gateway,
        metric: 0,
        origin: .lease
      )
    )
  }

  /// Adds a way of the app's own, beside those of the lease; of two with the
  /// same prefix the app's is taken. It stays when the lease changes.
  ///
  /// - Throws: ``NetworkError/limitReached`` at ``Limits/routes``.
  public mutating func addRoute(
    _ route: ClasslessRoute
  ) throws(NetworkError) {
    let isTaken = routes.insert(
      RouteEntry(
        destination: route.destination,
        prefixLength: route.prefixLength,
        gateway: route.gateway,
        metric: -1,
        origin: .app
      )
    )
    guard isTaken else { throw NetworkError.limitReached }
  }

  /// Removes a way that ``addRoute(_:)`` has added.
  ///
  /// - Returns: Whether there was one.
  @discardableResult
  public mutating func removeRoute(_ route: ClasslessRoute) -> Bool {
    routes.remove(where: {
      $0.origin == .app && $0.destination == route.destination
        && $0.prefixLength == route.prefixLength
        && $0.gateway == route.gateway
    }) > 0
  }

  /// Where a datagram to `destination` goes, or `nil` when there is no way.
  ///
  /// A gateway is asked for on the link even when its address has another
  /// prefix: hosts with a prefix of 32 bits are given one like that.
  @_addressableSelf
  func nextHop(to destination: IPv4Address) -> Route.NextHop? {
    // DHCP needs no address of its own to speak to all.
    if destination == .broadcast { return .broadcast }
    if destination.isLoopback { return .loopback }
    guard let route else { return nil }
    if destination == route.address { return .loopback }
    if route.isBroadcast(destination) { return .broadcast }
    if destination.isMulticast { return .group(destination) }
    guard destination.isUnicast, let entry = routes.find(destination) else {
      return nil
    }
    return .neighbour(entry.gateway ?? destination)
  }

  /// The address that datagrams to `destination` come from; `nil` before one is
  /// bound.
  @_addressableSelf
  func source(to destination: IPv4Address) -> IPv4Address? {
    destination.isLoopback ? destination : route?.address
  }

  /// Whether others may reach this host by `address`.
  @_addressableSelf
  func isOurs(_ address: IPv4Address) -> Bool {
    address == route?.address || address.isLoopback
  }

  /// The largest datagram to `destination`.
  @_addressableSelf
  func pathMTU(to destination: IPv4Address, at now: Instant) -> Int {
    guard pathMTUs.count > 0 else { return linkMTU }
    return min(pathMTUs.mtu(to: destination, at: now) ?? mtu, linkMTU)
  }
}
