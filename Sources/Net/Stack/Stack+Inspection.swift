import Packets

/// What can be seen of the stack from outside.
extension Stack {
  /// All about the next connection from `position` on, half-open and closing
  /// ones included, or `nil` behind the last; `position` is then behind it. 0
  /// is before the first.
  ///
  /// Nothing is held between two calls, however long they lie apart: a
  /// connection that is there all the time is seen once, one that comes or goes
  /// meanwhile once or not at all.
  public func nextConnection(from position: inout Int) -> TCPInformation? {
    while position < tcp.slots.count {
      let index = position
      position += 1
      if tcp.slots[index].isUsed, tcp.slots[index].isInTable {
        return tcp.slots[index].connection.information
      }
    }
    return nil
  }

  /// The memory of what apps have written and peers have not acknowledged, in
  /// bytes.
  public var sendMemoryInUse: Int { tcp.blocks.memoryInUse }
}
