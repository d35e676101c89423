import Net
import Packets
import _Concurrency

/// Sends and receives UDP datagrams. The end of the value closes it.
public final class DatagramSocket: Sendable {
  private let id: SocketID
  private let host: Host

  init(id: SocketID, host: Host) {
    self.id = id
    self.host = host
  }

  deinit { host.stack.unbindDatagrams(id) }

  /// The port it is bound to.
  public var port: UInt16? { host.stack.localPort(of: id) }

  /// The next datagram; waits for one.
  ///
  /// - Parameter timeout: How long to wait; `nil` for ever.
  /// - Returns: `nil` when the time is over or the task was cancelled.
  public func receive(timeout: Duration? = nil) async -> ReceivedDatagram? {
    let deadline = timeout.map { host.now + Interval($0) }
    while true {
      if let datagram = tryReceive() { return datagram }
      guard await host.wait(for: .datagram(id), until: deadline) == .ready
      else { return nil }
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
  /// - Throws: `noAddress`, `unreachable`, `messageTooLarge`, or `cancelled`.
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
      else { throw .cancelled }
    }
  }

  /// Sends `datagram`'s bytes to `endpoint`; see ``send(_:to:)-(RawSpan,_)``.
  public func send(
    _ datagram: borrowing ReceivedDatagram,
    to endpoint: Endpoint
  ) async throws(NetworkError) {
    try await send(datagram.bytes, to: endpoint)
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
