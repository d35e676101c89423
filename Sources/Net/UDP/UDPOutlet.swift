import BasicContainers
import Packets

/// The datagrams of apps that wait for the device of one interface, a queue for
/// each socket: one that is down or full holds back nobody's others.
struct UDPOutlet: ~Copyable {
  private var queues: UniqueArray<PacketQueue>
  /// How many datagrams wait.
  private(set) var count = 0
  /// Whose turn it is to send, so that no socket keeps the others back.
  private var turn = 0
  /// The turn is not over: a datagram goes in parts, and this was not the last.
  /// So parts stay together, as does what waits for a neighbour.
  private var isAmidParts = false

  /// Nothing waits; of `sockets` something may.
  init(sockets: Int) {
    queues = UniqueArray(minimumCapacity: sockets)
    for _ in 0..<sockets { queues.append(PacketQueue()) }
  }

  /// How many of the socket in slot `index` wait.
  func count(of index: Int) -> Int { queues[index].count }

  mutating func append(_ packet: consuming PacketBuffer, of index: Int) {
    queues[index].append(packet)
    count += 1
  }

  /// The next datagram of the first `sockets` slots.
  mutating func popFirst(ofSockets sockets: Int) -> PacketBuffer? {
    let first = isAmidParts ? turn : turn + 1
    for step in 0..<sockets {
      let index = (first + step) % sockets
      guard let packet = queues[index].popFirst() else { continue }
      turn = index
      count -= 1
      isAmidParts = IPv4Header.isEarlierFragment(packet)
      return packet
    }
    return nil
  }

  /// Drops those of the socket in slot `index`, and returns how many those were.
  mutating func removeAll(of index: Int) -> Int {
    let dropped = queues[index].count
    queues[index] = PacketQueue()
    count -= dropped
    if index == turn { isAmidParts = false }
    return dropped
  }
}
