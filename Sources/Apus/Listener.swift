import Net
import _Concurrency

/// Accepts connections to a port, until it ends or ``close()`` is called.
///
///     for await connection in listener {
///       tasks.addTask { await serve(connection) }
///     }
public final class Listener: AsyncSequence, @unchecked Sendable {
  /// What it gives.
  public typealias Element = Connection
  /// It never fails.
  public typealias Failure = Never

  private let id: ListenerID
  private let host: Host
  private var isClosed = false

  init(id: ListenerID, host: Host) {
    self.id = id
    self.host = host
  }

  deinit { close() }

  /// The next connection; waits for one.
  ///
  /// - Returns: `nil` when the task was cancelled, which closes the listener,
  ///   or when it was closed.
  public func accept() async -> Connection? {
    while true {
      if let connection = tryAccept() { return connection }
      if isClosed { return nil }
      switch await host.wait(for: .acceptable(id), until: nil) {
      case .ready: continue
      case .timedOut, .cancelled:
        close()
        return nil
      }
    }
  }

  /// The next connection if there is one now.
  public func tryAccept() -> Connection? {
    host.stack.accept(id).map { Connection(id: $0, host: host) }
  }

  /// Accepts no more; connections that wait to be accepted are reset.
  public func close() {
    guard !isClosed else { return }
    isClosed = true
    host.stopListening(id)
  }

  /// The connections, as they come.
  public func makeAsyncIterator() -> AsyncIterator {
    AsyncIterator(listener: self)
  }

  /// Gives the connections of a listener.
  public struct AsyncIterator: AsyncIteratorProtocol {
    let listener: Listener

    /// The next connection; see ``Listener/accept()``.
    public mutating func next() async -> Connection? {
      await listener.accept()
    }
  }
}
