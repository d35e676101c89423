import Packets
import Testing

@Suite struct PacketFragmentTests {
  let pool = PacketPool(capacity: 6, slotSize: 256)

  @Test func ownedFragments_followInOrder_andMoveToAQueue() {
    var packet = pool.packet([1, 2], headroom: 8)
    let tailroom = packet.tailroom
    packet.append(fragment: pool.packet([3, 4, 5]))
    packet.append(fragment: pool.packet([6]))
    #expect(packet.fragmentCount == 2)
    #expect(packet.totalCount == 6)
    #expect(packet.count == 2)
    #expect(packet.tailroom == tailroom - 32)
    #expect(array(packet.fragmentBytes(0)) == [3, 4, 5])
    #expect(array(packet.fragmentBytes(1)) == [6])
    #expect(pool.available == 3)

    var queue = PacketQueue()
    packet.moveFragments(to: &queue)
    #expect(packet.totalCount == 2)
    #expect(packet.tailroom == tailroom)
    #expect(array(queue.firstBytes) == [3, 4, 5])
    _ = queue.popFirst()
    #expect(array(queue.firstBytes) == [6])
  }

  @Test func end_givesAllSlotsBack() {
    do {
      var packet = pool.packet([1])
      packet.append(fragment: pool.packet([2]))
      packet.append(fragment: pool.packet([3]))
      #expect(pool.available == 3)
    }
    #expect(pool.available == 6)
  }

  @Test func sharedSlot_isFreeWhenTheLastRefersToItNoMore() {
    do {
      var first = pool.packet([1])
      do {
        var second = pool.packet([2])
        do {
          let block = pool.packet([10, 11, 12, 13])
          first.append(sharing: 0..<2, of: block)
          second.append(sharing: 1..<4, of: block)
        }
        #expect(pool.available == 3)
        #expect(array(first.fragmentBytes(0)) == [10, 11])
        #expect(array(second.fragmentBytes(0)) == [11, 12, 13])
      }
      #expect(pool.available == 4)
      #expect(array(first.fragmentBytes(0)) == [10, 11])
    }
    #expect(pool.available == 6)
  }

  @Test func truncate_cutsFragmentsFromTheBack() {
    var packet = pool.packet([1, 2, 3])
    packet.append(fragment: pool.packet([4, 5]))
    packet.append(fragment: pool.packet([6, 7]))
    packet.truncate(to: 6)
    #expect(packet.fragmentCount == 2)
    #expect(array(packet.fragmentBytes(1)) == [6])
    packet.truncate(to: 2)
    #expect(packet.fragmentCount == 0)
    #expect(array(packet.bytes) == [1, 2])
    #expect(pool.available == 5)
  }

  @Test func tail_isAlignedBehindTheBytesAndBeforeTheRecords() {
    var packet = pool.packet([1, 2, 3], headroom: 5)
    packet.append(fragment: pool.packet([4]))
    let first = unsafe packet.unsafeAddress
    let tail = unsafe packet.unsafeTail(byteCount: 64)!
    #expect(tail % 16 == 0)
    #expect(tail >= first + 3)
    #expect(tail + 64 <= first - 5 + 192 - 16)
    let tooMuch = unsafe packet.unsafeTail(byteCount: 176)
    #expect(tooMuch == nil)
  }

  @Test func offload_keepsItsPlaceWhileHeadersComeAndGo() {
    var packet = pool.packet([UInt8](repeating: 0, count: 20), headroom: 40)
    packet.partialChecksum = PacketBuffer.PartialChecksum(start: 0, field: 16)
    packet.segmentation = PacketBuffer.Segmentation(
      kind: .tcp4,
      segmentSize: 1460,
      headerSize: 20
    )
    packet.prepend(34)
    #expect(
      packet.partialChecksum
        == PacketBuffer.PartialChecksum(start: 34, field: 16)
    )
    #expect(
      packet.segmentation
        == PacketBuffer.Segmentation(
          kind: .tcp4,
          segmentSize: 1460,
          headerSize: 54
        )
    )
    packet.clear(headroom: 0)
    #expect(packet.partialChecksum == nil)
    #expect(packet.segmentation == nil)
    #expect(packet.isChecksumVerified == false)
  }

  @Test func reusedSlot_rememberNothing() {
    let pool = PacketPool(capacity: 1, slotSize: 128)
    do {
      var packet = pool.packet([1])
      packet.isChecksumVerified = true
      packet.mergedSegmentSize = 1448
      #expect(packet.mergedSegmentSize == 1448)
    }
    let packet = pool.packet([1])
    #expect(packet.isChecksumVerified == false)
    #expect(packet.mergedSegmentSize == 0)
    #expect(packet.fragmentCount == 0)
  }
}
