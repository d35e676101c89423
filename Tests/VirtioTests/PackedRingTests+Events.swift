import Packets
import Testing

@testable import Virtio

/// Who wants to hear of what. VIRTIO 1.2 §2.8.10, §2.8.14, §2.9.
extension PackedRingTests {
  struct Event: Sendable {
    /// The descriptors of a ring of 5 that were used before, and those that
    /// are published now.
    var before: Int
    var now: Int
    /// Offset, and bit 15: the counter of the first round. §2.8.14.
    var place: UInt16
    var isDue: Bool
  }

  static let events: [Event] = [
    Event(before: 0, now: 1, place: 0x8000, isDue: true),
    Event(before: 0, now: 1, place: 0x8001, isDue: false),
    Event(before: 0, now: 1, place: 0x0000, isDue: false),
    Event(before: 0, now: 5, place: 0x8004, isDue: true),
    Event(before: 0, now: 5, place: 0x0000, isDue: false),
    Event(before: 1, now: 3, place: 0x8000, isDue: false),
    Event(before: 1, now: 3, place: 0x8001, isDue: true),
    Event(before: 1, now: 3, place: 0x8003, isDue: true),
    Event(before: 1, now: 3, place: 0x8004, isDue: false),
    // Over the end: 3 and 4 of the first round, 0 and 1 of the second.
    Event(before: 3, now: 4, place: 0x8002, isDue: false),
    Event(before: 3, now: 4, place: 0x8003, isDue: true),
    Event(before: 3, now: 4, place: 0x8004, isDue: true),
    Event(before: 3, now: 4, place: 0x0000, isDue: true),
    Event(before: 3, now: 4, place: 0x0001, isDue: true),
    Event(before: 3, now: 4, place: 0x0002, isDue: false),
    Event(before: 3, now: 4, place: 0x0003, isDue: false),
    Event(before: 3, now: 4, place: 0x8000, isDue: false),
    // Just up to the end.
    Event(before: 3, now: 2, place: 0x8004, isDue: true),
    Event(before: 3, now: 2, place: 0x0000, isDue: false),
    // The second round, and the third.
    Event(before: 5, now: 1, place: 0x0000, isDue: true),
    Event(before: 5, now: 1, place: 0x8000, isDue: false),
    Event(before: 8, now: 4, place: 0x0004, isDue: true),
    Event(before: 8, now: 4, place: 0x8001, isDue: true),
    Event(before: 8, now: 4, place: 0x8002, isDue: false),
    Event(before: 10, now: 1, place: 0x8000, isDue: true),
  ]

  @Test(arguments: events.indices)
  func deviceEvent_saysWhenToNotify(_ index: Int) {
    let test = Self.events[index]
    let pool = PacketPool(capacity: 5)
    var queue = packedQueue(5, .eventIdx)
    let ring = RingMemory(queue)
    var device = Device(ring)
    goRound(&queue, &device, pool, count: test.before)
    ring.setDeviceEvent(test.place, 2)
    for _ in 0..<test.now { queue.post(64, of: pool) }
    let isDue = queue.publish()
    #expect(isDue == test.isDue)
    let isDueAgain = queue.publish()
    #expect(!isDueAgain)
    queue.takeBack()
  }

  /// §2.8.14: 0 always, 1 never. 2 needs event indices, without which it is
  /// not believed, and 3 is reserved: better once too often.
  @Test(arguments: [
    (UInt16(0), true), (1, false), (2, true), (3, true), (0xFFFD, false),
  ])
  func deviceEventFlags_sayWhetherToNotify(_ flags: UInt16, _ isDue: Bool) {
    let pool = PacketPool(capacity: 4)
    var queue = packedQueue(4)
    let ring = RingMemory(queue)
    ring.setDeviceEvent(0x8003, flags)
    queue.post(64, of: pool)
    let isWanted = queue.publish()
    #expect(isWanted == isDue)
    queue.takeBack()
  }

  /// §2.8.14: without event indices 0 and 1.
  @Test func interrupts_withoutEventIndex_areAskedForByFlags() {
    let queue = packedQueue(4)
    let ring = RingMemory(queue)
    #expect(ring.driverEvent == [0, 1])
    let hasUsed = queue.requestInterrupts()
    #expect(!hasUsed)
    #expect(ring.driverEvent == [0, 0])
    queue.suppressInterrupts()
    #expect(ring.driverEvent == [0, 1])
  }

  /// §2.8.14: the place of the next, with the device's counter, and 2.
  @Test(arguments: [
    (0, UInt16(0x8000)), (1, 0x8001), (4, 0x8004), (5, 0x0000), (9, 0x0004),
    (10, 0x8000),
  ])
  func interrupts_withEventIndex_areAskedForByPlace(
    _ before: Int,
    _ place: UInt16
  ) {
    let pool = PacketPool(capacity: 5)
    var queue = packedQueue(5, .eventIdx)
    let ring = RingMemory(queue)
    var device = Device(ring)
    goRound(&queue, &device, pool, count: before)
    let hasUsed = queue.requestInterrupts()
    #expect(!hasUsed)
    #expect(ring.driverEvent == [place, 2])
    queue.suppressInterrupts()
    #expect(ring.driverEvent[1] == 1)
  }

  @Test func interrupts_requestedTooLate_areSaid() {
    let pool = PacketPool(capacity: 1)
    var queue = packedQueue(2, .eventIdx)
    var device = Device(RingMemory(queue))
    queue.post(64, of: pool)
    _ = queue.publish()
    device.use(0)
    let hasUsed = queue.requestInterrupts()
    #expect(hasUsed)
    let written = queue.takeWritten()
    #expect(written == 64)
    let isEmpty = !queue.requestInterrupts()
    #expect(isEmpty)
  }

  /// §2.9: queue, offset of the next descriptor, and the counter in bit 31.
  @Test(arguments: [
    (0, UInt32(0x8000_0001)), (1, 0x8001_0001), (4, 0x8004_0001),
    (5, 0x0000_0001), (7, 0x0002_0001), (10, 0x8000_0001),
  ])
  func notificationData_isPlaceAndCounter(_ before: Int, _ data: UInt32) {
    let pool = PacketPool(capacity: 5)
    var queue = packedQueue(5)
    var device = Device(RingMemory(queue))
    goRound(&queue, &device, pool, count: before)
    let notificationData = queue.notificationData(1)
    #expect(notificationData == data)
  }
}
