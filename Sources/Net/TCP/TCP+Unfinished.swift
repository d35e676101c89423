import BasicContainers
import Packets

extension TCP {
  /// Whether anything that was written, or an end, is not yet acknowledged on a
  /// connection that still tries. Scans the connections: for a machine that is
  /// about to end.
  var hasUnacknowledged: Bool {
    for index in 0..<slots.count where slots[index].isUsed {
      switch slots[index].connection.state {
      case .closed:
        if slots[index].connection.owesReset { return true }
      case .timeWait, .synSent, .synReceived, .finWait2:
        continue
      case .established, .closeWait:
        if !slots[index].connection.sendBuffer.isEmpty { return true }
      case .finWait1, .closing, .lastAck:
        return true
      }
    }
    return false
  }

  /// The connections in the table, those in TIME-WAIT included.
  var connectionCount: Int { table.count + timeWait.count }
}
