import Net

/// The interfaces of a host, and what those who serve several of them ask.
extension Host {
  /// Adds an interface, whose device is `information`.
  ///
  /// - Returns: Its number.
  /// - Precondition: That of ``Stack/addInterface(_:at:)``.
  public func addInterface(
    _ configuration: InterfaceConfiguration,
    _ information: InterfaceInformation,
    at now: Instant
  ) -> Int {
    let number = stack.addInterface(configuration, at: now)
    interfaces.append(information)
    // Who serves all of them waits for that.
    wakeAddressed()
    return number
  }

  /// Adds a way that goes over `interface`; it stays when the lease changes.
  ///
  /// - Throws: `limitReached`, or `unreachable` when there is no such interface.
  public func addRoute(
    _ route: ClasslessRoute,
    on interface: Int
  ) throws(NetworkError) {
    try stack.addRoute(route, on: interface)
  }

  /// The address that is bound on an interface.
  public func lease(of interface: Int) -> Lease? { stack.lease(of: interface) }

  /// The name servers of all leases, those of the first interface first; of
  /// interfaces whose link is down only if all are.
  var nameServers: [IPAddress] {
    let reachable = nameServers { stack.isLinkUp(on: $0) }
    return reachable.isEmpty ? nameServers { _ in true } : reachable
  }

  private func nameServers(where isAsked: (Int) -> Bool) -> [IPAddress] {
    var servers: [IPAddress] = []
    for interface in interfaces.indices where isAsked(interface) {
      for server in lease(of: interface)?.nameServers ?? [] {
        let address = IPAddress(server)
        if !servers.contains(address) { servers.append(address) }
      }
    }
    return servers
  }

  /// Whom to ask for the time, once there is an address: the servers that were
  /// set, or else those of the first lease that names some.
  var timeServers: [IPAddress] {
    guard setTimeServers.isEmpty || lease == nil else { return setTimeServers }
    for interface in interfaces.indices {
      if let servers = lease(of: interface)?.timeServers, !servers.isEmpty {
        return servers.map { IPAddress($0) }
      }
    }
    return []
  }
}
