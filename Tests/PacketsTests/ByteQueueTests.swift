import Packets
import Testing

@Suite struct ByteQueueTests {
  let blocks = SendBlocks(limit: 1 << 20, firstLimit: 0)
  let pool = PacketPool(capacity: 64)

  @Test func bytes_stayUntilTheyAreRemoved() {
    var queue = ByteQueue(limit: 1 << 16)
    #expect(queue.isEmpty == true)
    #expect(queue.append(array: [1, 2, 3, 4, 5], blocks) == 5)
    #expect(queue.read(5) == [1, 2, 3, 4, 5])
    #expect(queue.read(2, at: 3) == [4, 5])
    queue.removeFirst(2)
    #expect(queue.read(3) == [3, 4, 5])
    queue.removeFirst(0)
    queue.removeFirst(3)
    #expect(queue.isEmpty == true)
    #expect(blocks.memoryInUse == 0)
  }

  @Test func fullQueue_takesWhatFits() {
    var queue = ByteQueue(limit: 4096)
    let bytes = (0..<3000).map { UInt8(truncatingIfNeeded: $0) }
    #expect(queue.append(array: bytes, blocks) == 3000)
    #expect(queue.append(array: bytes, blocks) == 1096)
    #expect(queue.append(array: bytes, blocks) == 0)
    #expect(queue.append(array: [], blocks) == 0)
    #expect(queue.available == 0)
    #expect(queue.read(4096) == bytes + bytes[..<1096])
    queue.removeFirst(1)
    #expect(queue.append(array: bytes, blocks) == 1)
    #expect(queue.read(1, at: 4095) == [0])
  }

  @Test func limit_mayChange_andDropsNothing() {
    var queue = ByteQueue(limit: 4096)
    let bytes = (0..<3000).map { UInt8(truncatingIfNeeded: $0) }
    #expect(queue.append(array: bytes, blocks) == 3000)
    queue.limit = 5000
    #expect(queue.available == 2000)
    queue.limit = 1000
    #expect(queue.available == 0)
    #expect(queue.append(array: bytes, blocks) == 0)
    #expect(queue.read(3000) == bytes)
    queue.removeFirst(2500)
    #expect(queue.available == 500)
    #expect(queue.append(array: bytes, blocks) == 500)
  }

  /// Up to 8 KiB is in small blocks, more in large ones.
  @Test func blocks_areAsLargeAsWhatIsWritten() {
    var queue = ByteQueue(limit: 1 << 18)
    #expect(queue.append(array: [1], blocks) == 1)
    #expect(blocks.memoryInUse == 2048)
    let bytes = [UInt8](repeating: 2, count: 8000)
    #expect(queue.append(array: bytes, blocks) == 8000)
    #expect(blocks.memoryInUse == 5 * 2048)
    #expect(queue.append(array: bytes, blocks) == 8000)
    #expect(blocks.memoryInUse == 5 * 2048 + 16384)
    queue.removeAll()
    #expect(blocks.memoryInUse == 0)
  }

  /// A queue that holds nothing takes a small block even when there is no
  /// memory; one that was refused holds bytes.
  @Test func usedUpMemory_leavesEachABlock() {
    let blocks = SendBlocks(limit: 20_000, firstLimit: 8192)
    var greedy = ByteQueue(limit: 1 << 18)
    let bytes = [UInt8](repeating: 7, count: 100_000)
    // A large block, and a small one beside it.
    #expect(greedy.append(array: bytes, blocks) == 16320 + 1984)
    var other = ByteQueue(limit: 1 << 18)
    #expect(other.append(array: bytes, blocks) == 1984)
    #expect(other.append(array: bytes, blocks) == 0)
    other.removeFirst(1983)
    #expect(other.append(array: bytes, blocks) == 0)
    other.removeFirst(1)
    #expect(other.append(array: bytes, blocks) == 1984)
    greedy.removeAll()
    #expect(other.append(array: bytes, blocks) == 16320)
  }

  @Test func sharedBlock_isFreeWhenThePacketEndsToo() {
    do {
      var queue = ByteQueue(limit: 1 << 16)
      #expect(queue.append(array: [1, 2, 3, 4], blocks) == 4)
      var first = pool.packet([9])
      let shared = queue.share(at: 1, 2, with: &first, mostFragments: 4)
      #expect(shared == 2)
      queue.removeFirst(4)
      #expect(blocks.memoryInUse == 2048)
      // What comes next is not written over what is under way.
      #expect(queue.append(array: [5, 6, 7, 8], blocks) == 4)
      #expect(array(first.fragmentBytes(0)) == [2, 3])
      #expect(blocks.memoryInUse == 4096)
    }
    #expect(blocks.memoryInUse == 0)
  }

  @Test func share_endsWithTheFragmentsThatMayBe() {
    var queue = ByteQueue(limit: 1 << 16)
    let bytes = (0..<6000).map { UInt8(truncatingIfNeeded: $0 / 7) }
    #expect(queue.append(array: bytes, blocks) == 6000)
    var packet = pool.packet([])
    let shared = queue.share(at: 1000, 5000, with: &packet, mostFragments: 2)
    #expect(shared == 984 + 1984)
    #expect(packet.fragmentCount == 2)
    #expect(
      array(packet.fragmentBytes(0)) + array(packet.fragmentBytes(1))
        == Array(bytes[1000..<1000 + shared])
    )
  }

  @Test func receivedPacket_isABlock() {
    var queue = ByteQueue(limit: 4096)
    #expect(queue.append(array: [1, 2], blocks) == 2)
    queue.append(consuming: pool.packet([3, 4, 5], headroom: 10))
    #expect(queue.append(array: [6], blocks) == 1)
    #expect(queue.count == 6)
    #expect(queue.read(6) == [1, 2, 3, 4, 5, 6])
    #expect(blocks.memoryInUse == 2048)
    #expect(pool.available == 63)
    queue.removeFirst(2)
    #expect(blocks.memoryInUse == 0)
    #expect(queue.read(4) == [3, 4, 5, 6])
    queue.removeFirst(4)
    #expect(pool.available == 64)
  }

  @Test func endOfTheQueue_givesItsBlocksBack() {
    do {
      var queue = ByteQueue(limit: 1 << 16)
      let bytes = [UInt8](repeating: 1, count: 40_000)
      #expect(queue.append(array: bytes, blocks) == 40_000)
      queue.append(consuming: pool.packet([1]))
    }
    #expect(blocks.memoryInUse == 0)
    #expect(pool.available == 64)
  }

  @Test(arguments: 1...8 as ClosedRange<UInt64>)
  func randomWork_isThatOfAnArray(seed: UInt64) {
    var numbers = SeededNumbers(seed: seed)
    let limit = 30_000
    do {
      var queue = ByteQueue(limit: limit)
      var underway = PacketQueue()
      var model: [UInt8] = []
      for operation in 0..<5_000 {
        let place: Comment = "seed \(seed), operation \(operation)"
        switch numbers.next() % 16 {
        case 0..<6:
          let bytes = (0..<Int(numbers.next() % 1_500)).map { _ in
            UInt8(truncatingIfNeeded: numbers.next())
          }
          let accepted = queue.append(array: bytes, blocks)
          #expect(accepted == min(bytes.count, limit - model.count), place)
          model += bytes[..<accepted]
        case 6:
          let bytes = (0...Int(numbers.next() % 900)).map { _ in
            UInt8(truncatingIfNeeded: numbers.next())
          }
          guard bytes.count <= queue.available, pool.available > 0 else {
            continue
          }
          queue.append(consuming: pool.packet(bytes))
          model += bytes
        case 7..<12:
          let count = Int(numbers.next() % 1_500) % (model.count + 1)
          queue.removeFirst(count)
          model.removeFirst(count)
        case 12:
          _ = underway.popFirst()
        default:
          guard !model.isEmpty, var packet = pool.allocate() else { continue }
          let offset = Int(numbers.next() % UInt64(model.count))
          let count = 1 + Int(numbers.next() % UInt64(model.count - offset))
          let shared = queue.share(
            at: offset,
            count,
            with: &packet,
            mostFragments: 8
          )
          var bytes: [UInt8] = []
          for index in 0..<packet.fragmentCount {
            bytes += array(packet.fragmentBytes(index))
          }
          #expect(bytes == Array(model[offset..<offset + shared]), place)
          #expect(shared == count || packet.fragmentCount == 8, place)
          underway.append(packet)
          if underway.count > 8 { _ = underway.popFirst() }
        }
        #expect(queue.count == model.count, place)
        let offset = Int(numbers.next() % UInt64(model.count + 1))
        let count = Int(numbers.next() % UInt64(model.count - offset + 1))
        #expect(
          queue.read(count, at: offset)
            == Array(model[offset..<offset + count]),
          place
        )
      }
      #expect(queue.read(queue.count) == model, "seed \(seed)")
    }
    #expect(blocks.memoryInUse == 0, "seed \(seed)")
    #expect(pool.available == 64, "seed \(seed)")
  }

  @Test(arguments: [0, -1, -2048, .min])
  func senselessLimit_traps(limit: Int) async {
    await #expect(processExitsWith: .failure) { [limit] in
      _ = ByteQueue(limit: limit)
    }
  }

  @Test(arguments: [4, -1, .max, .min])
  func removingMoreThanThereIs_traps(count: Int) async {
    await #expect(processExitsWith: .failure) { [count] in
      var queue = ByteQueue(limit: 2048)
      _ = queue.append(
        array: [1, 2, 3],
        SendBlocks(limit: 4096, firstLimit: 0)
      )
      queue.removeFirst(count)
    }
  }

  @Test(arguments: [(0, 4), (1, 3), (3, 1), (4, 0), (-1, 1), (.max, 1)])
  func readingBeyondTheBytes_traps(offset: Int, count: Int) async {
    await #expect(processExitsWith: .failure) { [offset, count] in
      var queue = ByteQueue(limit: 2048)
      _ = queue.append(
        array: [1, 2, 3],
        SendBlocks(limit: 4096, firstLimit: 0)
      )
      _ = queue.read(count, at: offset)
    }
  }
}
