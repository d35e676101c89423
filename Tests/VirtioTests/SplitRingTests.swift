import Packets
import Testing

@testable import Virtio

/// What a split queue has in memory, literally. VIRTIO 1.2 §2.7.
@Suite struct SplitRingTests {
  private typealias Descriptor = RingMemory.Descriptor

  /// Posts `count` packets, publishes them, has them used and takes them.
  private func goRound(
    _ queue: inout Virtqueue,
    _ ring: RingMemory,
    _ pool: PacketPool,
    _ used: inout UInt16,
    count: Int
  ) {
    let size = Int(ring.addresses.size)
    for _ in 0..<count { queue.post(64, of: pool) }
    _ = queue.publish()
    for _ in 0..<count {
      let slot = Int(used) % size
      ring.setUsed(slot, UInt32(ring.available(slot)), 64)
      used &+= 1
    }
    ring.setUsedIndex(used)
    while queue.takeWritten() != nil {}
  }

  @Test func chain_isLinkedInTheTable() {
    let pool = PacketPool(capacity: 1)
    var queue = Virtqueue(size: 4)
    let ring = RingMemory(queue)
    let packet = pool.packet(100, headroom: 20)
    let start = unsafe UInt64(packet.unsafeAddress)
    queue.post(
      packet,
      Virtqueue.Direction(deviceWrites: true, headerSize: 10),
      reachedBy: SameAddresses()
    )
    #expect(ring.availableIndex == 0)
    let isWanted = queue.publish()
    #expect(isWanted)
    #expect(ring.availableIndex == 1)
    #expect(ring.available(0) == 0)
    // WRITE and NEXT, then WRITE alone.
    #expect(ring.descriptor(0) == Descriptor(start, 10, 3, 1))
    #expect(ring.descriptor(1) == Descriptor(start + 10, 90, 2, 0))
    let free = queue.freeCount
    #expect(free == 2)
    queue.takeBack()
    #expect(pool.available == 1)
  }

  /// An answer is written behind what is read. §2.7.4.2.
  @Test func answer_isTheOnlyPartWritten() {
    let pool = PacketPool(capacity: 1)
    var queue = Virtqueue(size: 4)
    let ring = RingMemory(queue)
    let packet = pool.packet(9)
    let start = unsafe UInt64(packet.unsafeAddress)
    queue.post(
      packet,
      Virtqueue.Direction(deviceWrites: false, answerSize: 1),
      reachedBy: SameAddresses()
    )
    #expect(ring.descriptor(0) == Descriptor(start, 8, 1, 1))
    #expect(ring.descriptor(1) == Descriptor(start + 8, 1, 2, 0))
    queue.takeBack()
  }

  /// The 16-bit indices wrap; the rings have many times before.
  @Test(arguments: [UInt16(1), 2, 8])
  func indices_wrapAt16Bits(_ size: UInt16) {
    let pool = PacketPool(capacity: Int(size))
    var queue = Virtqueue(size: size)
    let ring = RingMemory(queue)
    var used: UInt16 = 0
    var total = 0
    while total < 0x1_0010 {
      goRound(&queue, ring, pool, &used, count: Int(size))
      total += Int(size)
      let isGood = queue.inFlightCount == 0 && !queue.isBroken
      guard isGood, ring.availableIndex == used else {
        Issue.record("after \(total) packets")
        break
      }
    }
    #expect(used == 0x10)
    queue.takeBack()
    #expect(pool.available == Int(size))
  }

  struct Event: Sendable {
    /// How many were published before, and how many are now.
    var before: Int
    var now: Int
    /// What the device wants to hear of.
    var event: UInt16
    var isDue: Bool
  }

  /// §2.7.10.1: an entry `event` among those that are new. The indices wrap
  /// between 0xFFFF and 0.
  static let events: [Event] = [
    Event(before: 0, now: 1, event: 0, isDue: true),
    Event(before: 0, now: 1, event: 1, isDue: false),
    Event(before: 0, now: 1, event: 0xFFFF, isDue: false),
    Event(before: 0, now: 4, event: 3, isDue: true),
    Event(before: 0, now: 4, event: 4, isDue: false),
    Event(before: 8, now: 4, event: 7, isDue: false),
    Event(before: 8, now: 4, event: 8, isDue: true),
    Event(before: 0xFFF8, now: 8, event: 0xFFF7, isDue: false),
    Event(before: 0xFFF8, now: 8, event: 0xFFF8, isDue: true),
    Event(before: 0xFFF8, now: 8, event: 0xFFFF, isDue: true),
    Event(before: 0xFFF8, now: 8, event: 0, isDue: false),
    Event(before: 0xFFFC, now: 8, event: 0xFFFF, isDue: true),
    Event(before: 0xFFFC, now: 8, event: 0, isDue: true),
    Event(before: 0xFFFC, now: 8, event: 3, isDue: true),
    Event(before: 0xFFFC, now: 8, event: 4, isDue: false),
    Event(before: 0xFFFC, now: 8, event: 0xFFFB, isDue: false),
    Event(before: 0x1_0000, now: 1, event: 0, isDue: true),
    Event(before: 0x1_0000, now: 1, event: 0xFFFF, isDue: false),
  ]

  @Test(arguments: events.indices)
  func availableEvent_saysWhenToNotify(_ index: Int) {
    let test = Self.events[index]
    let pool = PacketPool(capacity: 8)
    var queue = Virtqueue(size: 8, format: .of(.eventIdx))
    let ring = RingMemory(queue)
    var used: UInt16 = 0
    for _ in 0..<(test.before / 4) {
      goRound(&queue, ring, pool, &used, count: 4)
    }
    ring.setAvailableEvent(test.event)
    // The flags mean nothing then.
    ring.setUsedFlags(test.isDue ? 1 : 0)
    for _ in 0..<test.now { queue.post(64, of: pool) }
    let isDue = queue.publish()
    #expect(isDue == test.isDue)
    // Nothing is new any more.
    let isDueAgain = queue.publish()
    #expect(!isDueAgain)
    queue.takeBack()
  }

  /// §2.7.10: without event indices the flag decides, and the field behind the
  /// ring means nothing.
  @Test(arguments: [UInt16(0), 1])
  func usedFlags_sayWhetherToNotify(_ flags: UInt16) {
    let pool = PacketPool(capacity: 8)
    var queue = Virtqueue(size: 8)
    let ring = RingMemory(queue)
    ring.setUsedFlags(flags)
    ring.setAvailableEvent(flags == 0 ? 100 : 0)
    queue.post(64, of: pool)
    let isWanted = queue.publish()
    #expect(isWanted == (flags == 0))
    queue.takeBack()
  }

  /// §2.7.7: by the flags; `used_event` stays 0.
  @Test func interrupts_withoutEventIndex_areAskedForByFlags() {
    let queue = Virtqueue(size: 8)
    let ring = RingMemory(queue)
    #expect(ring.availableFlags == 1)
    let hasUsed = queue.requestInterrupts()
    #expect(!hasUsed)
    #expect(ring.availableFlags == 0)
    queue.suppressInterrupts()
    #expect(ring.availableFlags == 1)
    #expect(ring.usedEvent == 0)
  }

  /// §2.7.7: by `used_event`, the next entry or the one just passed; the flags
  /// stay 0. It wraps as the index does.
  @Test(arguments: [0, 4, 0xFFFC, 0x1_0000])
  func interrupts_withEventIndex_areAskedForByIndex(_ before: Int) {
    let pool = PacketPool(capacity: 8)
    var queue = Virtqueue(size: 8, format: .of(.eventIdx))
    let ring = RingMemory(queue)
    var used: UInt16 = 0
    for _ in 0..<(before / 4) {
      goRound(&queue, ring, pool, &used, count: 4)
    }
    let next = UInt16(truncatingIfNeeded: before)
    let hasUsed = queue.requestInterrupts()
    #expect(!hasUsed)
    #expect(ring.usedEvent == next)
    queue.suppressInterrupts()
    #expect(ring.usedEvent == next &- 1)
    #expect(ring.availableFlags == 0)
  }

  /// §2.7.7.2: what came before the request is said.
  @Test func interrupts_requestedTooLate_areSaid() {
    let pool = PacketPool(capacity: 1)
    var queue = Virtqueue(size: 2)
    let ring = RingMemory(queue)
    queue.post(64, of: pool)
    _ = queue.publish()
    ring.setUsed(0, 0, 14)
    ring.setUsedIndex(1)
    let hasUsed = queue.requestInterrupts()
    #expect(hasUsed)
    let written = queue.takeWritten()
    #expect(written == 14)
    let isEmpty = !queue.requestInterrupts()
    #expect(isEmpty)
  }

  /// More given back than was given: none of it is believed, though the first
  /// entries are right.
  @Test(arguments: [UInt16(3), 0x7FFF, 0xFFFF])
  func usedIndexTooFar_nothingIsTaken(_ index: UInt16) {
    let pool = PacketPool(capacity: 3)
    var queue = Virtqueue(size: 4)
    let ring = RingMemory(queue)
    for _ in 0..<2 { queue.post(64, of: pool) }
    _ = queue.publish()
    queue.post(64, of: pool)
    for slot in 0..<3 { ring.setUsed(slot, UInt32(slot), 64) }
    ring.setUsedIndex(index)
    let written = queue.takeWritten()
    let isBroken = queue.isBroken
    #expect(written == nil)
    #expect(isBroken)
    queue.takeBack()
    #expect(pool.available == 3)
  }

  /// §2.9: queue, then the index, which wraps without a counter.
  @Test func notificationData_isTheIndex() {
    let pool = PacketPool(capacity: 8)
    var queue = Virtqueue(size: 8)
    let ring = RingMemory(queue)
    let atFirst = queue.notificationData(3)
    #expect(atFirst == 0x0000_0003)
    var used: UInt16 = 0
    for _ in 0..<(0xFFFC / 4) {
      goRound(&queue, ring, pool, &used, count: 4)
    }
    let late = queue.notificationData(3)
    #expect(late == 0xFFFC_0003)
    for _ in 0..<6 { queue.post(64, of: pool) }
    _ = queue.publish()
    let wrapped = queue.notificationData(3)
    #expect(wrapped == 0x0002_0003)
    queue.takeBack()
  }

  /// §2.7: each part aligned, the device area on a page, which legacy devices
  /// rely on.
  @Test func areas_areWhereTheyMustBe() {
    let queue = Virtqueue(size: 256)
    let addresses = queue.addresses(base: 0x10_0000)
    #expect(addresses.descriptors == 0x10_0000)
    #expect(addresses.driverArea == 0x10_1000)
    #expect(addresses.deviceArea == 0x10_2000)
    #expect(queue.byteCount == 0x3000)
  }

  @Test(arguments: [
    (UInt16(0), false), (1, true), (2, true), (3, false), (24, false),
    (32768, true), (32769, false), (65535, false),
  ])
  func sizes_arePowersOfTwo(_ size: UInt16, _ isPossible: Bool) {
    #expect(Virtqueue.isPossible(size, QueueFormat()) == isPossible)
  }
}
