import BasicContainers
import Packets

/// What has come and waits for apps to read it.
extension UDPSockets {
  /// Puts `packet`, which begins at its IP header, into the socket of a slot.
  ///
  /// Where all sockets together hold as many as they may, or as many large ones,
  /// the one that holds most gives up its oldest for one that holds less: an app
  /// that does not read keeps nobody else's out.
  ///
  /// - Returns: How many were given up for it.
  mutating func deliver(
    _ packet: consuming PacketBuffer,
    to index: Int,
    _ reassembly: borrowing Reassembly
  ) throws(DropReason) -> Int {
    guard slots[index].received.count < limits.datagramsPerSocket else {
      throw DropReason.udpQueueFull
    }
    let isLarge = reassembly.owns(packet)
    var dropped = 0
    if isLarge, reassembly.isLendingTooMany {
      guard dropLarge(for: index, reassembly) else {
        throw DropReason.udpQueueFull
      }
      dropped = 1
    } else if receivedCount >= limits.datagrams {
      guard dropOldest(for: index, reassembly) else {
        throw DropReason.udpQueueFull
      }
      dropped = 1
    }
    slots[index].received.append(packet)
    slots[index].largeCount += isLarge ? 1 : 0
    receivedCount += 1
    note(.readable, at: index)
    return dropped
  }

  /// Drops the oldest datagram of the socket that has most of them, if those are
  /// more than the socket in slot `index` has, which is about to get one.
  private mutating func dropOldest(
    for index: Int,
    _ reassembly: borrowing Reassembly
  ) -> Bool {
    var most = index
    for other in 0..<slots.count
    where slots[other].received.count > slots[most].received.count {
      most = other
    }
    guard most != index else { return false }
    return popReceived(at: most, reassembly) != nil
  }

  /// Drops the oldest large datagram of the socket that has most of them, if
  /// those are more than the socket in slot `index` has, which is about to get
  /// one.
  ///
  /// - Complexity: linear in the datagrams of that socket.
  private mutating func dropLarge(
    for index: Int,
    _ reassembly: borrowing Reassembly
  ) -> Bool {
    var most = index
    for other in 0..<slots.count
    where slots[other].largeCount > slots[most].largeCount {
      most = other
    }
    guard most != index else { return false }
    var isDropped = false
    for _ in 0..<slots[most].received.count {
      guard let packet = slots[most].received.popFirst() else { break }
      if !isDropped, reassembly.owns(packet) {
        isDropped = true
      } else {
        slots[most].received.append(packet)
      }
    }
    slots[most].largeCount -= 1
    receivedCount -= 1
    return true
  }

  /// The oldest datagram, from its IP header on.
  mutating func popReceived(
    _ id: SocketID,
    _ reassembly: borrowing Reassembly
  ) -> PacketBuffer? {
    guard let index = index(of: id) else { return nil }
    return popReceived(at: index, reassembly)
  }

  private mutating func popReceived(
    at index: Int,
    _ reassembly: borrowing Reassembly
  ) -> PacketBuffer? {
    guard let packet = slots[index].received.popFirst() else { return nil }
    receivedCount -= 1
    slots[index].largeCount -= reassembly.owns(packet) ? 1 : 0
    return packet
  }
}
