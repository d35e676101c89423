import Packets

/// How much of the machine's memory is for the network.
enum NetworkMemory {
  /// For packets, of `memory` bytes: a quarter for the first 8 MiB of them,
  /// which a small machine needs to hold its own against peers that do not
  /// read, then an eighth, and no more than 32 MiB. Half of it is for what the
  /// device receives, half for what the stack sends and keeps.
  static func packets(of memory: Int) -> Int {
    let bytes = max(min(memory / 4, 8 << 20), min(memory / 8, 32 << 20))
    return max(bytes, 1 << 20)
  }

  /// The small slots for those whom the others leave nothing else, of `memory`
  /// bytes: a 32nd of it at the most, which is 4,096 of 64 MiB.
  static func smallSlots(of memory: Int) -> Int {
    memory / (32 * PacketPool.smallSlotSize)
  }
}
