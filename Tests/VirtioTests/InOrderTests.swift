import Packets
import Testing

@testable import Virtio

/// Queues whose device gives back in the order it was given, and may name only
/// the last of several. VIRTIO 1.2 §2.7.9, §2.8.9.
@Suite struct InOrderTests {
  static let kinds: [Features] = [.inOrder, [.inOrder, .ringPacked]]

  /// Those that are skipped were used whole; the last has its own length.
  @Test(arguments: kinds)
  func batch_isGivenBackInOrder(_ features: Features) {
    let pool = PacketPool(capacity: 8)
    var queue = Virtqueue(size: 8, format: .of(features))
    let ring = RingMemory(queue)
    let isPacked = features.contains(.ringPacked)
    for count in [100, 200, 300, 400] { queue.post(count, of: pool) }
    _ = queue.publish()
    let third = isPacked ? ring.descriptor(2).third : ring.available(2)
    // One entry, in the first place.
    if isPacked {
      ring.setUsed(0, third, 77, flags: 0x8080)
    } else {
      ring.setUsed(0, UInt32(third), 77)
      ring.setUsedIndex(3)
    }
    var lengths: [[Int]] = []
    for left in [2, 1, 0] {
      guard let completion = queue.takeUsed() else { break }
      lengths.append([completion.postedCount, completion.writtenCount])
      let hasUsed = queue.hasUsed
      #expect(hasUsed == (left > 0))
      let mustLook = queue.requestInterrupts()
      #expect(mustLook == (left > 0))
    }
    #expect(lengths == [[100, 100], [200, 200], [300, 77]])
    let none = queue.takeWritten()
    #expect(none == nil)

    // The next entry is behind the batch.
    let fourth = isPacked ? ring.descriptor(3).third : ring.available(3)
    if isPacked {
      ring.setUsed(3, fourth, 50, flags: 0x8080)
    } else {
      ring.setUsed(3, UInt32(fourth), 50)
      ring.setUsedIndex(4)
    }
    let written = queue.takeWritten()
    #expect(written == 50)
    let isBroken = queue.isBroken
    #expect(!isBroken)
    queue.takeBack()
    #expect(pool.available == 8)
  }

  /// §2.7.5: descriptors are used in ring order, chains too.
  @Test func split_descriptorsAreUsedInRingOrder() {
    let pool = PacketPool(capacity: 8)
    var queue = Virtqueue(size: 8, format: .of(.inOrder))
    let ring = RingMemory(queue)
    var next = 0
    var used: UInt16 = 0
    for round in 0..<40 {
      let heads = [next, (next + 2) % 8]
      for _ in 0..<2 { queue.post(64, of: pool, headerSize: 12) }
      queue.post(64, of: pool)
      let alone = (next + 4) % 8
      next = (next + 5) % 8
      _ = queue.publish()
      let entries = (0..<3).map { Int(ring.available((3 * round + $0) % 8)) }
      #expect(entries == heads + [alone], "round \(round)")
      for head in heads {
        // §2.7.5: the next in the table, 0 behind the last.
        let descriptor = ring.descriptor(head)
        #expect(Int(descriptor.fourth) == (head + 1) % 8, "round \(round)")
      }
      let slot = Int(used) % 8
      ring.setUsed(slot, UInt32(alone), 64)
      used &+= 3
      ring.setUsedIndex(used)
      for _ in 0..<3 {
        let written = queue.takeWritten()
        #expect(written == 64)
      }
    }
    queue.takeBack()
    #expect(pool.available == 8)
  }

  /// Batches over the end of the ring, chains of two among them.
  @Test func packed_batchesGoOverTheEnd() {
    let pool = PacketPool(capacity: 5)
    var queue = Virtqueue(size: 5, format: .of([.inOrder, .ringPacked]))
    let ring = RingMemory(queue)
    var place = 0
    var wrap = true
    for round in 0..<20 {
      queue.post(64, of: pool, headerSize: 12)
      queue.post(64, of: pool)
      _ = queue.publish()
      let last = ring.descriptor((place + 2) % 5).third
      ring.setUsed(place, last, 30, flags: wrap ? 0x8080 : 0)
      place += 3
      if place >= 5 {
        place -= 5
        wrap.toggle()
      }
      let first = queue.takeWritten()
      let second = queue.takeWritten()
      let third = queue.takeWritten()
      #expect(first == 64, "round \(round)")
      #expect(second == 30, "round \(round)")
      #expect(third == nil, "round \(round)")
    }
    queue.takeBack()
    #expect(pool.available == 5)
  }

  @Test(arguments: kinds)
  func batchToSomethingNotInFlight_breaksTheQueue(_ features: Features) {
    let pool = PacketPool(capacity: 4)
    var queue = Virtqueue(size: 4, format: .of(features))
    let ring = RingMemory(queue)
    for _ in 0..<2 { queue.post(64, of: pool) }
    _ = queue.publish()
    if features.contains(.ringPacked) {
      ring.setUsed(0, 3, 64, flags: 0x8080)
    } else {
      ring.setUsed(0, 3, 64)
      ring.setUsedIndex(1)
    }
    let written = queue.takeWritten()
    let isBroken = queue.isBroken
    #expect(written == nil)
    #expect(isBroken)
    queue.takeBack()
    #expect(pool.available == 4)
  }
}
