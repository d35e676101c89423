import Net

/// The TCP connections of the machine, half-open and closing ones included, in
/// no order that means anything.
///
/// Nothing is copied beforehand: each step looks at the stack as it is then. So
/// a walk takes no memory, and a task that suspends itself between two steps,
/// because what it writes about one has to be sent first, sees each connection
/// that is there all the time once, and those that come or go meanwhile once or
/// not at all.
public struct ConnectionList: Sequence {
  let host: Host

  /// Begins a walk.
  public func makeIterator() -> Iterator { Iterator(host: host) }

  /// A walk through the connections.
  public struct Iterator: IteratorProtocol {
    let host: Host
    private var position = 0

    init(host: Host) { self.host = host }

    /// The next connection, as it is now.
    public mutating func next() -> TCPInformation? {
      host.stack.nextConnection(from: &position)
    }
  }
}
