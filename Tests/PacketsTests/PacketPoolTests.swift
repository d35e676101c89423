import Packets
import Testing

@Suite struct PacketPoolTests {
  @Test func newPool_hasAllItsSlots() {
    let pool = PacketPool(capacity: 3)
    #expect(pool.capacity == 3)
    #expect(pool.available == 3)
    #expect(pool.bytesPerPacket == 2048 - 64)
    #expect(PacketPool(capacity: 1, slotSize: 256).bytesPerPacket == 192)
  }

  /// A VLAN-tagged Ethernet frame and the largest virtio-net header.
  @Test func defaultSlot_holdsAFrame() {
    #expect(PacketPool(capacity: 1).bytesPerPacket >= 1518 + 12)
  }

  @Test func emptyPool_saysSoAndRecovers() {
    let pool = PacketPool(capacity: 2, slotSize: 128)
    for _ in 0..<3 {
      let first = pool.allocate()
      let second = pool.allocate()
      #expect(pool.available == 0)
      if let third = pool.allocate() {
        Issue.record("a third packet of \(third.count) bytes")
      }
      discard(first)
      #expect(pool.available == 1)
      discard(second)
      #expect(pool.available == 2)
    }
  }

  @Test func smallSlots_areBesideTheOthers() throws {
    let pool = PacketPool(capacity: 1, smallSlots: 2)
    let small = try #require(pool.small)
    #expect(small.capacity == 2)
    #expect(small.bytesPerPacket == 512 - 64)
    let packet = pool.allocate()!
    let beside = small.allocate()!
    let isOwn = pool.owns(beside)
    #expect(!isOwn)
    #expect(pool.inUse == 2)
    #expect(pool.available == 0)
    discard(packet)
    discard(beside)
    #expect(pool.inUse == 0)
    #expect(PacketPool(capacity: 1).small == nil)
  }

  @Test func slotGivenBackLast_isTakenFirst() {
    let pool = PacketPool(capacity: 3, slotSize: 128)
    let kept = pool.allocate()!
    let packet = pool.allocate()!
    let address = unsafe packet.unsafeAddress
    discard(packet)
    let again = pool.allocate()!
    let found = unsafe again.unsafeAddress
    #expect(found == address)
    discard(kept)
  }

  @Test func everySlot_isAnotherPlace() {
    let pool = PacketPool(capacity: 64, slotSize: 192)
    var queue = PacketQueue()
    var addresses: Set<UInt> = []
    while let packet = pool.allocate() {
      unsafe addresses.insert(packet.unsafeAddress)
      queue.append(packet)
    }
    #expect(addresses.count == 64)
    let sorted = addresses.sorted()
    for (low, high) in zip(sorted, sorted.dropFirst()) {
      #expect(high - low >= 192)
    }
  }

  @Test(arguments: [(0, 2048), (-1, 2048), (1, 64), (1, 0), (1, 200)])
  func senselessSize_traps(capacity: Int, slotSize: Int) async {
    await #expect(processExitsWith: .failure) { [capacity, slotSize] in
      _ = PacketPool(capacity: capacity, slotSize: slotSize)
    }
  }

  @Test func packetThatOutlivesItsPool_traps() async throws {
    let result = try await #require(
      processExitsWith: .failure,
      observing: [\.standardErrorContent]
    ) {
      func orphan() -> PacketBuffer {
        PacketPool(capacity: 1, slotSize: 128).allocate()!
      }
      let packet = orphan()
      _ = packet.count
    }
    let error = String(decoding: result.standardErrorContent, as: UTF8.self)
    #expect(error.contains("a packet outlived its pool"))
  }

  @Test func queueThatOutlivesItsPool_traps() async {
    await #expect(processExitsWith: .failure) {
      var queue = PacketQueue()
      do {
        let pool = PacketPool(capacity: 1, slotSize: 128)
        queue.append(pool.packet([1]))
      }
      _ = queue.count
    }
  }

  private func discard(_ packet: consuming PacketBuffer?) {}

  /// Slots of their own come from the heap and go back to it.
  @Test func slotsOfTheHeap_areKeptUpToANumber() {
    let pool = PacketPool(capacity: 3, slotSize: 256, kept: 1)
    #expect(pool.bytesPerPacket == 192)
    #expect(pool.memoryInUse == 0)
    do {
      var queue = PacketQueue()
      for number in 1...3 as ClosedRange<UInt8> {
        queue.append(pool.packet([number]))
      }
      let isNothing = pool.allocate() == nil
      #expect(isNothing)
      #expect(pool.memoryInUse == 768)
      #expect(queue.pop() == [1])
      #expect(queue.pop() == [2])
      #expect(pool.available == 2)
      queue.append(pool.packet([4]))
      queue.append(pool.packet([5]))
      #expect(pool.available == 0)
      #expect(queue.pop() == [3])
      #expect(queue.pop() == [4])
      #expect(queue.pop() == [5])
    }
    #expect(pool.available == 3)
  }

  @Test func packet_knowsItsPool() {
    let pool = PacketPool(capacity: 3, slotSize: 128)
    let other = PacketPool(capacity: 2, slotSize: 128)
    let packet = pool.packet([1])
    let isOwned = (pool.owns(packet), other.owns(packet))
    #expect(isOwned == (true, false))
    #expect(packet.poolCapacity == 3)
    #expect(packet.freeInPool == 2)
  }

  /// What a device is short of is free, and not for who keeps a packet.
  @Test func whatADeviceIsOwed_isNotFreeForOthers() {
    let pool = PacketPool(capacity: 3, slotSize: 128)
    let packet = pool.packet([1])
    packet.owe()
    #expect(pool.owed == 1)
    #expect(packet.freeInPool == 1)
    #expect(pool.available == 2)
    pool.owed = 4
    #expect(packet.freeInPool == -2)
    pool.owed = 0
    #expect(packet.freeInPool == 2)
  }
}
