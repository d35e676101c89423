import Virtio

/// What the kernel command line says of the network:
///
///     net.queues=PAIRS   pairs of queues to use, 1 to 16
///     net.vlan=NUMBER    the virtual LAN of the first interface, 1 to 4094
///     net.hashes=1       devices report the hash of what they receive
///     net.trace=1        the console has a line for each packet
struct NetworkOptions: Equatable {
  /// How many pairs of queues a device is to use, if it has as many.
  private(set) var queuePairs = 1
  /// The virtual LAN of the first interface.
  private(set) var vlan: VLANTag?
  /// Whether devices are to report hashes: nothing here goes by them, they are
  /// checked and counted.
  private(set) var reportsHashes = false
  /// Whether each packet is told of on the console.
  private(set) var tracesPackets = false
  /// What was not understood, a line each.
  private(set) var problems: [String] = []

  /// One core has no use for more; each takes memory and interrupt vectors.
  private static var mostQueuePairs: Int { 16 }
  private static var queues: StaticString { "net.queues=" }
  private static var vlanKey: StaticString { "net.vlan=" }
  private static var hashes: StaticString { "net.hashes=" }
  private static var trace: StaticString { "net.trace=" }
  /// What all of them begin with.
  private static var prefix: StaticString { "net." }

  /// Looks through the words of `text`.
  init(_ text: String) {
    for word in Array(text.utf8).split(separator: 0x20) {
      let word = Array(word)
      if let value = Self.value(word, Self.queues) {
        if 1...Self.mostQueuePairs ~= value {
          queuePairs = value
        } else {
          refuse(word, "takes 1 to 16 pairs")
        }
      } else if let value = Self.value(word, Self.vlanKey) {
        vlan = UInt16(exactly: value).flatMap { VLANTag($0) }
        if vlan == nil { refuse(word, "takes 1 to 4094") }
      } else if let value = Self.value(word, Self.hashes) {
        reportsHashes = value == 1
        if !(0...1 ~= value) { refuse(word, "takes 0 or 1") }
      } else if let value = Self.value(word, Self.trace) {
        tracesPackets = value == 1
        if !(0...1 ~= value) { refuse(word, "takes 0 or 1") }
      } else if Self.value(word, Self.prefix) != nil {
        refuse(
          word,
          "is none of net.queues=, net.vlan=, net.hashes= and net.trace="
        )
      }
    }
  }

  private mutating func refuse(_ word: [UInt8], _ reason: String) {
    let text = String(decoding: word, as: UTF8.self)
    problems.append("net: \(text) is ignored: it \(reason)")
  }

  /// The number behind `key`, when `word` begins so; -1 when it is none.
  private static func value(_ word: [UInt8], _ key: StaticString) -> Int? {
    let count = key.utf8CodeUnitCount
    guard word.count >= count else { return nil }
    for index in 0..<count {
      // SAFETY: The index is below the string's size.
      guard unsafe word[index] == key.utf8Start[index] else { return nil }
    }
    return Int(String(decoding: word[count...], as: UTF8.self)) ?? -1
  }
}
