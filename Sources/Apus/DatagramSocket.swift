import Net
import Packets
import _Concurrency

/// Sends and receives UDP datagrams, until it ends or ``close()`` is called. A
/// task that is cancelled while it waits for a datagram, or for room for one,
/// closes it.
public final class DatagramSocket: @unchecked Sendable {
  private let id: SocketID
  private let host: Host
  private var isClosed = false
  private var groups: [IPAddress] = []

  init(id: SocketID, host: Host) {
    self.id = id
    self.host = host
  }

  deinit { close() }

  /// The port it is bound to; `nil` once it is closed.
  public var port: UInt16? { host.stack.localPort(of: id) }

  /// The next datagram; waits for one.
  ///
  /// - Parameter timeout: How long to wait; `nil` for ever.
  /// - Returns: `nil` when the time is over or the socket closed.
  public func receive(timeout: Duration? = nil) async -> ReceivedDatagram? {
    let deadline = timeout.map { host.now + Interval($0) }
    while true {
      if let datagram = tryReceive() { return datagram }
      if isClosed { return nil }
      switch await host.wait(for: .datagram(id), until: deadline) {
      case .ready: continue
      case .timedOut: return nil
      case .cancelled:
        close()
        return nil
      }
    }
  }

  /// The next datagram from `remote`; waits for one. Those of others are
  /// dropped.
  ///
  /// - Parameter timeout: How long to wait; `nil` for ever.
  /// - Returns: `nil` when the time is over or the socket closed.
  /// - Throws: `refused` or `unreachable` when one to `remote` did not arrive.
  ///   Who serves many does not hear of that (``receive(timeout:)``): one that
  ///   is gone must not be the others' end.
  public func receive(
    from remote: Endpoint,
    timeout: Duration? = nil
  ) async throws(NetworkError) -> ReceivedDatagram? {
    let deadline = timeout.map { host.now + Interval($0) }
    while true {
      while let datagram = tryReceive() {
        if datagram.source == remote { return datagram }
      }
      if let failure = host.stack.takeFailure(of: id, to: remote) {
        throw failure.reason
      }
      if isClosed { return nil }
      switch await host.wait(for: .datagram(id), until: deadline) {
      case .ready: continue
      case .timedOut: return nil
      case .cancelled:
        close()
        return nil
      }
    }
  }

  /// Receives what is sent to `group` and this port as well, until the socket is
  /// closed.
  ///
  /// - Throws: `unreachable` when it is not a group, or not one of version 4,
  ///   which is all that there is so far; `closed`, or `limitReached`.
  public func join(_ group: IPAddress) throws(NetworkError) {
    guard !isClosed else { throw .closed }
    try host.joinGroup(group)
    groups.append(group)
  }

  /// Receives what is sent to `group`, too: see ``join(_:)-(IPAddress)``.
  public func join(_ group: IPv4Address) throws(NetworkError) {
    try join(IPAddress(group))
  }

  /// Sets how many routers may pass on what is sent from now on; `nil`: 64, and
  /// to groups none.
  public func setTimeToLive(_ value: UInt8?) {
    host.stack.setTimeToLive(value, of: id)
  }

  /// The next datagram if there is one now.
  public func tryReceive() -> ReceivedDatagram? {
    guard let datagram = host.stack.receiveDatagram(id) else { return nil }
    return ReceivedDatagram(datagram)
  }

  /// Sends `bytes` as one datagram to `endpoint`; waits while there is no room.
  /// UDP promises nothing beyond that.
  ///
  /// - Parameter interface: The one to send over, from its address, such as
  ///   ``ReceivedDatagram/interface`` for an answer; `nil`: the one that a route
  ///   leads over.
  /// - Throws: `noAddress`, `unreachable`, `messageTooLarge`, `closed`, or
  ///   `cancelled`; once `refused` or `unreachable` when an earlier one to
  ///   `endpoint` did not arrive.
  public func send(
    _ bytes: RawSpan,
    to endpoint: Endpoint,
    on interface: Int? = nil
  ) async throws(NetworkError) {
    while true {
      if try host.stack.send(
        bytes,
        from: id,
        to: endpoint,
        on: interface,
        at: host.now
      ) {
        return
      }
      guard await host.wait(for: .datagramRoom(id), until: nil) == .ready
      else {
        close()
        throw .cancelled
      }
    }
  }

  /// Sends `datagram`'s bytes to `endpoint`; see
  /// ``send(_:to:on:)-(RawSpan,_,_)``.
  public func send(
    _ datagram: borrowing ReceivedDatagram,
    to endpoint: Endpoint,
    on interface: Int? = nil
  ) async throws(NetworkError) {
    try await send(datagram.bytes, to: endpoint, on: interface)
  }

  /// Gives the port back. Datagrams that wait, either way, are lost.
  public func close() {
    guard !isClosed else { return }
    isClosed = true
    for group in groups { host.leaveGroup(group) }
    groups = []
    host.unbindDatagrams(id)
  }
}

/// A datagram, in the very memory that the device wrote it to; see
/// ``ReceivedBytes`` for what that means.
public struct ReceivedDatagram: ~Copyable, Sendable {
  private let datagram: Datagram

  init(_ datagram: consuming Datagram) { self.datagram = datagram }

  /// Who sent it.
  public var source: Endpoint { datagram.source }

  /// Whom it was sent to: this machine, all of the link, or a group.
  public var destination: Endpoint { datagram.destination }

  /// How many more routers might have passed it on; 255 comes from the link.
  public var timeToLive: UInt8 { datagram.timeToLive }

  /// The interface that it came over. An answer leaves by it, and from the
  /// address that was asked, if it is sent there.
  public var interface: Int { datagram.interface }

  /// Its bytes; there may be none.
  public var bytes: RawSpan {
    @_lifetime(borrow self)
    get { datagram.payload.bytes }
  }
}
