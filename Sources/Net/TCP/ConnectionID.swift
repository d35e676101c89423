/// Names a connection, for as long as it lives.
///
/// A slot of the connection table is used again, with the next generation: an
/// id that outlived its connection is refused and never taken for another's.
public struct ConnectionID: Hashable, Sendable {
  /// The slot: a small number, for tables beside the stack's own.
  public let index: UInt32
  let generation: UInt32
}

/// Names a listener, for as long as it listens.
public struct ListenerID: Hashable, Sendable {
  /// The slot: a small number, for tables beside the stack's own.
  public let index: UInt32
  let generation: UInt32
}
