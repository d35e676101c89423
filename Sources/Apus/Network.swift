import Net
import _Concurrency

/// The machine's way to other machines.
public struct Network: Sendable {
  let host: Host

  /// The address that is bound, with what came with it; `nil` when none is. Of
  /// several interfaces the first that has one.
  public var lease: Lease? { host.lease }

  /// The network devices; at least one. Their numbers here are those of the
  /// interfaces.
  public var interfaces: [InterfaceInformation] { host.interfaces }

  /// The address that is bound on an interface; `nil` when none is.
  public func lease(of interface: Int) -> Lease? { host.lease(of: interface) }

  /// How much a network device was used.
  public func use(of interface: Int) -> InterfaceUse {
    host.interfaceUse(interface)
  }

  /// Whether the link of an interface carries frames. While it does not, sockets
  /// and connections stay, and what they send waits; what is new goes another
  /// way, if there is one.
  public func isLinkUp(on interface: Int) -> Bool {
    host.isLinkUp(on: interface)
  }

  /// Whether any link carries frames; see ``linkChanges``.
  public var isLinkUp: Bool { host.isLinkUp }

  /// The coming and going of ``isLinkUp``, from now on.
  public var linkChanges: LinkChanges { LinkChanges(host: host) }

  /// The TCP connections there are, half-open and closing ones included.
  public var connectionCount: Int { host.stack.connectionCount }

  /// All about each of them, for a status page or a log.
  public var connections: ConnectionList { ConnectionList(host: host) }

  /// Adds a way to other machines, beside those of leases; it stays when the
  /// lease changes.
  ///
  /// - Parameter interface: The one that the route's gateway is a neighbour on.
  /// - Throws: `limitReached`, or `unreachable` when there is no such interface.
  public func addRoute(
    _ route: ClasslessRoute,
    on interface: Int = 0
  ) throws(NetworkError) {
    try host.addRoute(route, on: interface)
  }

  /// Removes a way that was added; says whether there was one.
  @discardableResult
  public func removeRoute(
    _ route: ClasslessRoute,
    on interface: Int = 0
  ) -> Bool {
    host.stack.removeRoute(route, on: interface)
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

  /// Accepts connections to `port` from here on, over all interfaces and
  /// whatever address is bound.
  ///
  /// - Parameters:
  ///   - port: The TCP port, 1 to 65,535.
  ///   - backlog: How many connections may wait to be accepted; to more, a cookie
  ///     is the answer, and they begin when there is room (RFC 4987 §3.6).
  ///   - options: What holds for the connections; with an address, only those
  ///     to it are accepted.
  /// - Throws: `addressInUse`, or `limitReached`.
  public func listen(
    port: UInt16,
    backlog: Int = 128,
    options: ConnectionOptions = ConnectionOptions()
  ) throws(NetworkError) -> Listener {
    Listener(
      id: try host.stack.listen(
        port: port,
        backlog: backlog,
        options: options
      ),
      host: host
    )
  }

  /// Opens a connection to `endpoint`.
  ///
  /// - Parameters:
  ///   - endpoint: Where to.
  ///   - options: Where from, and how it is sent.
  ///   - timeout: How long to try; `nil`: until TCP gives up, which takes
  ///     minutes.
  /// - Throws: `noAddress`, `unreachable`, `refused`, `timedOut`, `reset`,
  ///   `cancelled`, or `limitReached`.
  public func connect(
    to endpoint: Endpoint,
    options: ConnectionOptions = ConnectionOptions(),
    timeout: Duration? = nil
  ) async throws(NetworkError) -> Connection {
    let deadline = timeout.map { host.now + Interval($0) }
    let id = try host.stack.connect(
      to: endpoint,
      options: options,
      at: host.now
    )
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
  /// - Parameters:
  ///   - port: The UDP port; 0: one that is free.
  ///   - interface: The only one that is received and sent over; `nil`: all.
  /// - Throws: `addressInUse`, `limitReached`, or `unreachable` when there is no
  ///   such interface.
  public func bind(
    port: UInt16 = 0,
    on interface: Int? = nil
  ) throws(NetworkError) -> DatagramSocket {
    DatagramSocket(
      id: try host.stack.bindDatagrams(port: port, on: interface),
      host: host
    )
  }
}
