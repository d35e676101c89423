/// In which order and how soon the device gives chains back. VIRTIO 1.2 §2.7,
/// §2.8: it begins with them in order, and is done with them in any.
struct Completion {
  /// Chains that are done and have not gone back, by queue.
  var done: [Int: [(chain: DeviceQueue.Chain, length: UInt32)]] = [:]
  /// `nil`: at once and in order.
  var numbers: SeededNumbers?
  /// IN_ORDER: one entry for several chains. §2.7.9, §2.8.9.
  var usesBatches = false

  /// In random order and with delays, the same for the same seed.
  static func random(_ seed: UInt64) -> Completion {
    var completion = Completion()
    completion.numbers = SeededNumbers(state: seed)
    return completion
  }

  /// One entry for all chains of a burst.
  static var inBatches: Completion {
    var completion = Completion()
    completion.usesBatches = true
    return completion
  }

  mutating func forget() { done = [:] }
  mutating func forget(_ queue: Int) { done[queue] = nil }

  /// Which of the chains that wait is to be used next.
  mutating func choose(from count: Int, isInOrder: Bool) -> Int {
    guard count > 1, !isInOrder, numbers != nil else { return 0 }
    return random(count)
  }

  /// A number below `limit`.
  mutating func random(_ limit: Int) -> Int {
    guard var generator = numbers else { return 0 }
    let number = Int.random(in: 0..<max(1, limit), using: &generator)
    numbers = generator
    return number
  }
}

/// The going back of chains whose use nobody waits for.
extension NetworkDeviceModel {
  /// Notes that the device is done with `chain`, and gives back what its order
  /// and delays let go.
  func finish(_ chain: DeviceQueue.Chain, length: UInt32, queue: Int) {
    checkContents(chain)
    completion.done[queue, default: []].append((chain, length))
  }

  /// Gives back what it likes of what is done.
  func giveBackSome(_ queue: Int) {
    guard completion.numbers != nil else { return giveBack(queue, .max) }
    let count = completion.done[queue]?.count ?? 0
    giveBack(queue, completion.random(count + 1))
  }

  /// Gives back all that is done, on all queues.
  func complete() {
    for queue in completion.done.keys.sorted() { giveBack(queue, .max) }
  }

  private func giveBack(_ queue: Int, _ limit: Int) {
    guard isRunning, queues[queue].isEnabled, !stalled.contains(queue) else {
      return
    }
    var chains: [(DeviceQueue.Chain, UInt32)] = []
    var rest = completion.done[queue] ?? []
    let isInOrder = queues[queue].rules.isInOrder
    while chains.count < limit, !rest.isEmpty {
      let index = completion.choose(from: rest.count, isInOrder: isInOrder)
      let entry = rest.remove(at: index)
      chains.append((entry.chain, entry.length))
    }
    completion.done[queue] = rest
    guard !chains.isEmpty else { return }
    if completion.usesBatches, isInOrder, let last = chains.last {
      queues[queue].use(batch: chains.map(\.0), length: last.1, memory)
    } else {
      for (chain, length) in chains {
        queues[queue].use(chain, length: length, memory)
      }
    }
    interruptDriver(queue: queue, packets: chains.count)
  }

  /// What the device reads is the driver's again only when it is used. §2.6.
  private func checkContents(_ chain: DeviceQueue.Chain) {
    var now: [UInt8] = []
    for part in chain.readable {
      now += memory.read(part.address, part.length) ?? []
    }
    if now != chain.contents { object(.bufferChangedInFlight) }
  }
}
