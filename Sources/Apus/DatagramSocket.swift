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

  /// The next datagram if there is one now.
  public func tryReceive() -> ReceivedDatagram? {
    guard let datagram = host.stack.receiveDatagram(id) else { return nil }
    return ReceivedDatagram(datagram)
  }

  /// Sends `bytes` as one datagram to `endpoint`; waits while there is no room.
  /// UDP promises nothing beyond that.
  ///
  /// - Throws: `noAddress`, `unreachable`, `messageTooLarge`, `closed`, or
  ///   `cancelled`.
  public func send(
    _ bytes: RawSpan,
    to endpoint: Endpoint
  ) async throws(NetworkError) {
    while true {
      if try host.stack.send(
        bytes,
        from: id,
        to: endpoint,
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

  /// Sends `datagram`'s bytes to `endpoint`; see ``send(_:to:)-(RawSpan,_)``.
  public func send(
    _ datagram: borrowing ReceivedDatagram,
    to endpoint: Endpoint
  ) async throws(NetworkError) {
    try await send(datagram.bytes, to: endpoint)
  }

  /// Gives the port back. Datagrams that wait, either way, are lost.
  public func close() {
    guard !isClosed else { return }
    isClosed = true
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

  /// Its bytes; there may be none.
  public var bytes: RawSpan {
    @_lifetime(borrow self)
    get { datagram.payload.bytes }
  }
}
