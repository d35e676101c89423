import Packets
import Testing

@testable import Virtio

/// What a packed queue has in memory, literally. VIRTIO 1.2 §2.8.
@Suite struct PackedRingTests {
  typealias Descriptor = RingMemory.Descriptor
  static let available: UInt16 = 0x0080
  static let used: UInt16 = 0x8000

  /// A device that uses each descriptor as it is, in order.
  struct Device {
    let ring: RingMemory
    var position = 0
    var wrap = true

    init(_ ring: RingMemory) { self.ring = ring }

    /// Uses a chain of `count` descriptors by one entry at its first place.
    mutating func use(
      _ identifier: UInt16,
      count: Int = 1,
      length: UInt32 = 64
    ) {
      ring.setUsed(position, identifier, length, flags: wrap ? 0x8080 : 0)
      position += count
      guard position >= Int(ring.addresses.size) else { return }
      position -= Int(ring.addresses.size)
      wrap.toggle()
    }
  }

  func packedQueue(
    _ size: UInt16,
    _ more: Features = []
  ) -> Virtqueue {
    Virtqueue(size: size, format: .of(more.union(.ringPacked)))
  }

  /// Posts, publishes, uses and takes `count` packets one by one.
  func goRound(
    _ queue: inout Virtqueue,
    _ device: inout Device,
    _ pool: PacketPool,
    count: Int
  ) {
    for _ in 0..<count {
      queue.post(64, of: pool)
      _ = queue.publish()
      let place = device.position
      device.use(device.ring.descriptor(place).third)
      while queue.takeWritten() != nil {}
    }
  }

  @Test func descriptor_isWrittenWithItsMarks() {
    let pool = PacketPool(capacity: 1)
    var queue = packedQueue(4)
    let ring = RingMemory(queue)
    let packet = pool.packet(100)
    let start = unsafe UInt64(packet.unsafeAddress)
    queue.post(
      packet,
      Virtqueue.Direction(deviceWrites: true),
      reachedBy: SameAddresses()
    )
    // All but the flags are there before it is published.
    #expect(ring.descriptor(0) == Descriptor(start, 100, 0, 0))
    let isWanted = queue.publish()
    #expect(isWanted)
    #expect(ring.descriptor(0) == Descriptor(start, 100, 0, 0x0082))
    queue.takeBack()
    #expect(pool.available == 1)
  }

  /// §2.8.1: in the first round AVAIL, in the second USED, in the third AVAIL
  /// again; rings of any size.
  @Test(arguments: [UInt16(1), 2, 3, 5, 8, 13])
  func marks_turnAtTheEndOfTheRing(_ size: UInt16) {
    let pool = PacketPool(capacity: Int(size))
    var queue = packedQueue(size)
    let ring = RingMemory(queue)
    var device = Device(ring)
    for round in 0..<5 {
      let mark = round % 2 == 0 ? Self.available : Self.used
      for slot in 0..<Int(size) {
        queue.post(64, of: pool, deviceWrites: false)
        let before = ring.flags(slot)
        _ = queue.publish()
        #expect(before != ring.flags(slot), "round \(round), slot \(slot)")
        #expect(ring.flags(slot) == mark, "round \(round), slot \(slot)")
      }
      let isFull = queue.freeCount == 0
      #expect(isFull)
      for slot in 0..<Int(size) {
        // Nothing is used before the device has marked it so.
        let early = queue.takeWritten()
        #expect(early == nil)
        device.use(ring.descriptor(slot).third, length: UInt32(slot))
        let written = queue.takeWritten()
        #expect(written == slot)
      }
    }
    queue.takeBack()
    #expect(pool.available == Int(size))
  }

  /// A chain that begins before the end and goes on at the front has the marks
  /// of two rounds, and one identifier.
  @Test func chain_acrossTheEnd() {
    let pool = PacketPool(capacity: 3)
    var queue = packedQueue(3)
    let ring = RingMemory(queue)
    var device = Device(ring)
    for round in 0..<6 {
      let place = device.position
      let isFirst = device.wrap
      queue.post(64, of: pool, deviceWrites: false, headerSize: 12)
      _ = queue.publish()
      let second = (place + 1) % 3
      let marks: (UInt16, UInt16) =
        isFirst ? (Self.available, Self.used) : (Self.used, Self.available)
      let secondMark = second == 0 ? marks.1 : marks.0
      #expect(ring.flags(place) == marks.0 | 1, "round \(round)")
      #expect(ring.flags(second) == secondMark, "round \(round)")
      let identifier = ring.descriptor(place).third
      #expect(ring.descriptor(second).third == identifier)
      #expect(identifier < 3)
      #expect(ring.descriptor(place).length == 12)
      #expect(ring.descriptor(second).length == 52)
      device.use(identifier, count: 2, length: 0)
      let written = queue.takeWritten()
      #expect(written == 0)
      let free = queue.freeCount
      #expect(free == 3)
    }
    queue.takeBack()
    #expect(pool.available == 3)
  }

  /// §2.8.21.1: of what is published together the first is shown last, so none
  /// is seen before.
  @Test func batch_firstIsHeldBack() {
    let pool = PacketPool(capacity: 4)
    var queue = packedQueue(4)
    let ring = RingMemory(queue)
    for _ in 0..<3 { queue.post(64, of: pool, deviceWrites: false) }
    #expect((0..<4).map(ring.flags) == [0, 0x80, 0x80, 0])
    _ = queue.publish()
    #expect((0..<4).map(ring.flags) == [0x80, 0x80, 0x80, 0])
    queue.post(64, of: pool, deviceWrites: false)
    #expect(ring.flags(3) == 0)
    _ = queue.publish()
    #expect(ring.flags(3) == 0x80)
    queue.takeBack()
  }

  /// §2.8: used out of order, each entry in the place of the oldest.
  @Test func used_outOfOrder() {
    let pool = PacketPool(capacity: 3)
    var queue = packedQueue(3)
    let ring = RingMemory(queue)
    var device = Device(ring)
    for count in [60, 70, 80] { queue.post(count, of: pool) }
    _ = queue.publish()
    let identifiers = (0..<3).map { ring.descriptor($0).third }
    var posted: [Int] = []
    for index in [2, 0, 1] {
      device.use(identifiers[index], length: 20)
      if let completion = queue.takeUsed() {
        posted.append(completion.postedCount)
      }
    }
    #expect(posted == [80, 60, 70])
  }

  // MARK: What cannot be

  /// Not in flight, or no identifier at all.
  @Test(arguments: [UInt16(1), 3, 4, 0xFFFF])
  func usedIdentifierWrong_breaksTheQueue(_ identifier: UInt16) {
    let pool = PacketPool(capacity: 4)
    var queue = packedQueue(4)
    var device = Device(RingMemory(queue))
    queue.post(64, of: pool)
    _ = queue.publish()
    device.use(identifier)
    let written = queue.takeWritten()
    let isBroken = queue.isBroken
    #expect(written == nil)
    #expect(isBroken)
    queue.takeBack()
    #expect(pool.available == 4)
  }

  /// Marks of the other round are not yet used ones.
  @Test func usedMarksOfTheOtherRound_areNotTaken() {
    let pool = PacketPool(capacity: 4)
    var queue = packedQueue(4)
    let ring = RingMemory(queue)
    queue.post(64, of: pool)
    _ = queue.publish()
    for flags in [UInt16(0), 0x80, 0x8000] {
      ring.setUsed(0, 0, 64, flags: flags)
      let written = queue.takeWritten()
      #expect(written == nil)
    }
    ring.setUsed(0, 0, 64, flags: 0x8080)
    let written = queue.takeWritten()
    #expect(written == 64)
  }

  /// §2.8.10.1: any size up to 32,768.
  @Test(arguments: [
    (UInt16(0), false), (1, true), (3, true), (24, true), (32768, true),
    (32769, false),
  ])
  func sizes_areAny(_ size: UInt16, _ isPossible: Bool) {
    let format = QueueFormat.of(.ringPacked)
    #expect(Virtqueue.isPossible(size, format) == isPossible)
  }
}
