import Packets
import Testing

@testable import Virtio

/// Chains in a table of their own, in the tailroom of their packet.
/// VIRTIO 1.2 §2.7.5.3, §2.8.7.
@Suite struct IndirectTableTests {
  private typealias Descriptor = RingMemory.Descriptor

  /// A packet of 50 bytes, 12 of them the header, and fragments of 7 bytes.
  private func packet(
    _ pool: PacketPool,
    fragments: Int,
    _ places: inout [UInt64]
  ) -> PacketBuffer {
    var packet = pool.packet(50)
    places = [unsafe UInt64(packet.unsafeAddress)]
    for _ in 0..<fragments {
      let fragment = pool.packet(7, headroom: 3)
      places.append(unsafe UInt64(fragment.unsafeAddress))
      packet.append(fragment: fragment)
    }
    return packet
  }

  @Test func split_tableIsLinked() {
    let pool = PacketPool(capacity: 4)
    var queue = Virtqueue(size: 4, format: .of(.indirectDesc))
    let ring = RingMemory(queue)
    var places: [UInt64] = []
    let packet = packet(pool, fragments: 2, &places)
    queue.post(
      packet,
      Virtqueue.Direction(deviceWrites: false, headerSize: 12),
      reachedBy: SameAddresses()
    )
    let entry = ring.descriptor(0)
    #expect(entry.length == 64)
    #expect(entry.third == 4)
    #expect(entry.fourth == 0)
    #expect(entry.address % 16 == 0)
    let table = (0..<4).map {
      ring.descriptor(at: entry.address + 16 * UInt64($0))
    }
    #expect(
      table == [
        Descriptor(places[0], 12, 1, 1),
        Descriptor(places[0] + 12, 38, 1, 2),
        Descriptor(places[1], 7, 1, 3),
        Descriptor(places[2], 7, 0, 0),
      ]
    )
    let free = queue.freeCount
    #expect(free == 3)
    queue.takeBack()
    #expect(pool.available == 4)
  }

  /// §2.8.7: no NEXT, no marks, and identifiers that mean nothing.
  @Test func packed_tableIsAList() {
    let pool = PacketPool(capacity: 4)
    var queue = Virtqueue(
      size: 4,
      format: .of([.indirectDesc, .ringPacked])
    )
    let ring = RingMemory(queue)
    var places: [UInt64] = []
    let packet = packet(pool, fragments: 1, &places)
    queue.post(
      packet,
      Virtqueue.Direction(deviceWrites: false, headerSize: 12),
      reachedBy: SameAddresses()
    )
    _ = queue.publish()
    let entry = ring.descriptor(0)
    #expect(entry.length == 48)
    #expect(entry.fourth == 0x0084)
    let table = (0..<3).map {
      ring.descriptor(at: entry.address + 16 * UInt64($0))
    }
    #expect(
      table == [
        Descriptor(places[0], 12, 0, 0),
        Descriptor(places[0] + 12, 38, 0, 0),
        Descriptor(places[1], 7, 0, 0),
      ]
    )
    queue.takeBack()
    #expect(pool.available == 4)
  }

  @Test(arguments: [Features.indirectDesc, [.indirectDesc, .ringPacked]])
  func written_isMarkedInTheTable(_ features: Features) {
    let pool = PacketPool(capacity: 1)
    var queue = Virtqueue(size: 4, format: .of(features))
    let ring = RingMemory(queue)
    queue.post(100, of: pool, headerSize: 10)
    _ = queue.publish()
    let isPacked = features.contains(.ringPacked)
    let entry = ring.descriptor(0)
    // The table itself is only read.
    #expect((isPacked ? entry.fourth : entry.third) == (isPacked ? 0x84 : 4))
    let first = ring.descriptor(at: entry.address)
    let second = ring.descriptor(at: entry.address + 16)
    #expect((isPacked ? first.fourth : first.third) == (isPacked ? 2 : 3))
    #expect((isPacked ? second.fourth : second.third) == 2)
    queue.takeBack()
  }

  /// A chain of one needs no table, and one without tailroom has none.
  @Test(arguments: [Features.indirectDesc, [.indirectDesc, .ringPacked]])
  func noTable_chainIsInTheRing(_ features: Features) {
    let pool = PacketPool(capacity: 2)
    var queue = Virtqueue(size: 4, format: .of(features))
    let ring = RingMemory(queue)
    let isPacked = features.contains(.ringPacked)
    queue.post(100, of: pool)
    // A table of two takes 32 bytes, and 15 so that it can be aligned.
    queue.post(pool.bytesPerPacket - 46, of: pool, headerSize: 10)
    _ = queue.publish()
    let flags = (0..<3).map {
      isPacked ? ring.flags($0) : ring.descriptor($0).third
    }
    #expect(flags == (isPacked ? [0x82, 0x83, 0x82] : [2, 3, 2]))
    let free = queue.freeCount
    #expect(free == 1)
    queue.takeBack()
    #expect(pool.available == 2)
  }

  @Test func tailroomJustEnough_hasATable() {
    let pool = PacketPool(capacity: 1)
    var queue = Virtqueue(size: 4, format: .of(.indirectDesc))
    let ring = RingMemory(queue)
    queue.post(pool.bytesPerPacket - 47, of: pool, headerSize: 10)
    let entry = ring.descriptor(0)
    #expect(entry.third == 4)
    let first = ring.descriptor(at: entry.address)
    // It lies behind the packet.
    #expect(entry.address >= first.address + UInt64(pool.bytesPerPacket - 47))
    queue.takeBack()
  }

  /// A table as long as the records leave room for lies before them.
  @Test func mostFragments_haveATable() {
    let pool = PacketPool(capacity: PacketBuffer.mostFragments + 1)
    var queue = Virtqueue(size: 64, format: .of(.indirectDesc))
    let ring = RingMemory(queue)
    var places: [UInt64] = []
    let packet = packet(
      pool,
      fragments: PacketBuffer.mostFragments,
      &places
    )
    queue.post(
      packet,
      Virtqueue.Direction(deviceWrites: false, headerSize: 12),
      reachedBy: SameAddresses()
    )
    let entry = ring.descriptor(0)
    #expect(Int(entry.length) == 16 * (PacketBuffer.mostFragments + 2))
    let addresses = (2..<places.count + 1).map {
      ring.descriptor(at: entry.address + 16 * UInt64($0)).address
    }
    #expect(addresses == Array(places.dropFirst()))
    queue.takeBack()
    #expect(pool.available == pool.capacity)
  }
}
