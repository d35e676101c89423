import Packets
import Testing

@Suite struct PacketQueueTests {
  let pool = PacketPool(capacity: 8, slotSize: 128)

  @Test func newQueue_isEmpty() {
    var queue = PacketQueue()
    #expect(queue.isEmpty == true)
    #expect(queue.count == 0)
    #expect(queue.byteCount == 0)
    #expect(queue.firstBytes.byteCount == 0)
    #expect(queue.lastTailroom == 0)
    #expect(queue.pop() == nil)
    queue.appendToLast(array: [])
    #expect(queue.count == 0)
  }

  @Test func packets_comeOutInOrder() {
    var queue = PacketQueue()
    for size in 1...5 {
      queue.append(pool.packet([UInt8](repeating: UInt8(size), count: size)))
    }
    #expect(queue.count == 5)
    #expect(queue.byteCount == 15)
    #expect(queue.isEmpty == false)
    #expect(array(queue.firstBytes) == [1])
    #expect(queue.drain() == [1, 2, 3, 4, 5])
    #expect(queue.byteCount == 0)
    #expect(pool.available == 8)
  }

  @Test func bytes_areAddedToTheLastPacket() {
    var queue = PacketQueue()
    queue.append(pool.packet([1]))
    queue.append(pool.packet([2], headroom: 60))
    #expect(queue.lastTailroom == 3)
    queue.appendToLast(array: [3, 4, 5])
    #expect(queue.lastTailroom == 0)
    #expect(queue.byteCount == 5)
    #expect(queue.count == 2)
    #expect(queue.pop() == [1])
    #expect(queue.byteCount == 4)
    #expect(queue.pop() == [2, 3, 4, 5])
    #expect(queue.byteCount == 0)
  }

  @Test func endOfAQueue_givesEveryPacketBack() {
    do {
      var queue = PacketQueue()
      while let packet = pool.allocate() { queue.append(packet) }
      #expect(pool.available == 0)
      #expect(queue.count == 8)
    }
    #expect(pool.available == 8)
  }

  @Test func packetsOfTwoPools_goBackToTheirOwn() {
    let other = PacketPool(capacity: 2, slotSize: 256)
    var queue = PacketQueue()
    queue.append(pool.packet([1]))
    queue.append(other.packet([1, 2]))
    queue.append(pool.packet([1, 2, 3]))
    #expect(pool.available == 6)
    #expect(other.available == 1)
    #expect(queue.drain() == [1, 2, 3])
    #expect(pool.available == 8)
    #expect(other.available == 2)
  }

  @Test(arguments: [1, 2, 3] as [UInt64])
  func randomWork_isThatOfAnArray(seed: UInt64) {
    var numbers = SeededNumbers(seed: seed)
    var queue = PacketQueue()
    var model: [[UInt8]] = []
    for operation in 0..<20_000 {
      let place: Comment = "seed \(seed), operation \(operation)"
      let bytes = (0..<Int(numbers.next() % 20)).map { _ in
        UInt8(truncatingIfNeeded: numbers.next())
      }
      switch numbers.next() % 5 {
      case 0, 1, 2:
        guard pool.available > 0 else { continue }
        queue.append(pool.packet(bytes))
        model.append(bytes)
      case 3:
        guard !model.isEmpty, queue.lastTailroom >= bytes.count else {
          continue
        }
        queue.appendToLast(array: bytes)
        model[model.count - 1] += bytes
      default:
        #expect(
          queue.pop() == (model.isEmpty ? nil : model.removeFirst()),
          place
        )
      }
      #expect(queue.count == model.count, place)
      #expect(queue.byteCount == model.reduce(0) { $0 + $1.count }, place)
      #expect(array(queue.firstBytes) == model.first ?? [], place)
      #expect(pool.available == 8 - model.count, place)
      #expect(
        queue.lastTailroom == (model.last.map { 64 - $0.count } ?? 0),
        place
      )
    }
  }

  @Test(arguments: [0, 1])
  func moreBytesThanTheLastHasRoomFor_trap(packets: Int) async {
    await #expect(processExitsWith: .failure) { [packets] in
      let pool = PacketPool(capacity: 2, slotSize: 128)
      var queue = PacketQueue()
      for _ in 0..<packets { queue.append(pool.packet([1])) }
      let bytes = [UInt8](repeating: 0, count: packets == 0 ? 1 : 64)
      queue.appendToLast(array: bytes)
    }
  }
}
