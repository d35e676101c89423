import Net
import _Concurrency

/// The machine's way to other machines.
public struct Network: Sendable {
  let host: Host

  /// The address that is bound, with what came with it; `nil` when none is.
  public var lease: Lease? { host.lease }

  /// The network device.
  public var interface: InterfaceInformation { host.interface }

  /// How much the network device was used.
  public var interfaceUse: InterfaceUse { host.interfaceUse() }

  /// Whether the link carries frames. While it does not, sockets and connections
  /// stay, and what they send waits; see ``linkChanges``.
  public var isLinkUp: Bool { host.isLinkUp }

  /// The link's coming and going, from now on.
  public var linkChanges: LinkChanges { LinkChanges(host: host) }

  /// The TCP connections there are, half-open and closing ones included.
  public var connectionCount: Int { host.stack.connectionCount }

  /// All about each of them, for a status page or a log.
  public var connections: ConnectionList { ConnectionList(host: host) }

  /// Adds a way to other machines, beside those of the lease; it stays when the
  /// lease changes.
  ///
  /// - Throws: `limitReached`.
  public func addRoute(_ route: ClasslessRoute) throws(NetworkError) {
    try host.stack.addRoute(route)
  }

  /// Removes a way that was added; says whether there was one.
  @discardableResult
  public func removeRoute(_ route: ClasslessRoute) -> Bool {
    host.stack.removeRoute(route)
  }

  /// Suspends the task until an address is bound.
  ///
  /// - Returns: The lease, or `nil` when the task was cancelled first.
  public func waitUntilBound() async -> Lease? {
    while true {
      if let lease { return lease }
      guard await host.wait(for: .bound, until: nil) == .ready else {
        return nil
      }
    }
  }

  /// Accepts connections to `port` from here on, whatever address is bound.
  ///
  /// - Parameters:
  ///   - port: The TCP port, 1 to 65,535.
  ///   - backlog: How many connections may wait to be accepted; more are not
  ///     answered, and their peers try again.
  /// - Throws: `addressInUse`, or `limitReached`.
  public func listen(
    port: UInt16,
    backlog: Int = 128
  ) throws(NetworkError) -> Listener {
    Listener(
      id: try host.stack.listen(port: port, backlog: backlog),
      host: host
    )
  }

  /// Opens a connection to `endpoint`.
  ///
  /// - Parameters:
  ///   - endpoint: Where to.
  ///   - timeout: How long to try; `nil`: until TCP gives up, which takes
  ///     minutes.
  /// - Throws: `noAddress`, `unreachable`, `refused`, `timedOut`, `reset`,
  ///   `cancelled`, or `limitReached`.
  public func connect(
    to endpoint: Endpoint,
    timeout: Duration? = nil
  ) async throws(NetworkError) -> Connection {
    let deadline = timeout.map { host.now + Interval($0) }
    let id = try host.stack.connect(to: endpoint, at: host.now)
    // From here on the value's end closes what was opened.
    let connection = Connection(id: id, host: host)
    while host.stack.state(of: id) == .synSent
      || host.stack.state(of: id) == .synReceived
    {
      switch await host.wait(for: .writable(id), until: deadline) {
      case .ready: continue
      case .timedOut:
        connection.fail(.timedOut)
        throw .timedOut
      case .cancelled:
        connection.fail(.cancelled)
        throw .cancelled
      }
    }
    if let failure = connection.failureToConnect { throw failure }
    return connection
  }

  /// Opens a socket for datagrams to and from `port`.
  ///
  /// - Parameter port: The UDP port; 0: one that is free.
  /// - Throws: `addressInUse`, or `limitReached`.
  public func bind(port: UInt16 = 0) throws(NetworkError) -> DatagramSocket {
    DatagramSocket(id: try host.stack.bindDatagrams(port: port), host: host)
  }
}
