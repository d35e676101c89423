/// How a device spreads what comes over the receive queues, and which hashes it
/// makes for that. VIRTIO 1.2 §5.1.6.5.7.
///
/// The table names the pairs in turn, so that each gets as many flows.
struct ReceiveScaling {
  /// The hashes that the device makes (VIRTIO_NET_HASH_TYPE).
  let hashTypes: UInt32
  /// The entries of the table, a power of two.
  let tableLength: Int
  /// The pairs in use.
  let pairs: Int
  /// From what the key is made.
  private let seed: UInt64

  /// What a device must allow at least. §5.1.4.1.
  static var keySize: Int { 40 }
  static var smallestTable: Int { 128 }
  /// Addresses, and ports of TCP and UDP, in IPv4 and IPv6. §5.1.6.4.3.1.
  /// Extension headers are never sent here.
  private static var wantedTypes: UInt32 { 0x3F }
  /// VIRTIO_NET_HASH_REPORT: the largest that there is. §5.1.6.4.4.
  static var largestReport: Int { 9 }

  /// Scaling over `pairs` by a device that can make the hashes `supported`.
  init(pairs: Int, supported: UInt32, seed: UInt64) {
    self.pairs = pairs
    self.seed = seed
    hashTypes = supported & Self.wantedTypes
    tableLength = Self.smallestTable
  }

  /// Whether a device that was told this may report a hash of kind `report`.
  /// §5.1.6.4.4: kind n is type 1 << (n - 1), and 0 is none.
  func mayReport(_ report: Int) -> Bool {
    report == 0
      || report <= Self.largestReport
        && hashTypes >> UInt32(report - 1) & 1 != 0
  }

  /// Writes what VIRTIO_NET_CTRL_MQ_RSS_CONFIG takes. §5.1.6.5.7.1: a queue is
  /// named by its index without the lowest bit, which is the pair's.
  func appendScaling(to command: inout ControlCommand) {
    command.append(hashTypes)
    command.append(UInt16(tableLength - 1))
    // What has no hash goes to the first.
    command.append(0 as UInt16)
    for entry in 0..<tableLength { command.append(UInt16(entry % pairs)) }
    command.append(UInt16(pairs))
    appendKey(to: &command)
  }

  /// Writes what VIRTIO_NET_CTRL_MQ_HASH_CONFIG takes. §5.1.6.5.6.4.
  func appendHash(to command: inout ControlCommand) {
    command.append(hashTypes)
    // Four reserved fields of 16 bits.
    command.append(0 as UInt64)
    appendKey(to: &command)
  }

  /// The length of the key and the key: as good as random, so that nobody knows
  /// which flows meet in a queue.
  private func appendKey(to command: inout ControlCommand) {
    command.append(UInt8(Self.keySize))
    var state = seed
    for _ in 0..<Self.keySize / 8 {
      // Steele, Lea and Flood: SplitMix.
      state &+= 0x9E37_79B9_7F4A_7C15
      var word = (state ^ state >> 30) &* 0xBF58_476D_1CE4_E5B9
      word = (word ^ word >> 27) &* 0x94D0_49BB_1331_11EB
      command.append(word ^ word >> 31)
    }
  }
}
