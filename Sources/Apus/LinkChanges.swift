import _Concurrency

/// The changes of the link: `true` when it comes up, `false` when it goes down.
/// It ends when its task is cancelled.
///
///     for await isUp in network.linkChanges { … }
///
/// It begins with the first change after the loop has begun. A link that goes
/// and comes back before the task has its turn has not changed.
public struct LinkChanges: AsyncSequence, Sendable {
  /// What it gives.
  public typealias Element = Bool
  /// It never fails.
  public typealias Failure = Never

  let host: Host

  /// The changes from now on.
  public func makeAsyncIterator() -> AsyncIterator {
    AsyncIterator(host: host, wasUp: host.isLinkUp)
  }

  /// Gives the changes of a link.
  public struct AsyncIterator: AsyncIteratorProtocol {
    let host: Host
    var wasUp: Bool

    /// Whether the link is up, once that is not what it was; waits for it.
    ///
    /// - Returns: `nil` when the task was cancelled.
    public mutating func next() async -> Bool? {
      while host.isLinkUp == wasUp {
        guard await host.wait(for: .link, until: nil) == .ready else {
          return nil
        }
      }
      wasUp.toggle()
      return wasUp
    }
  }
}
