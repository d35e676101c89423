import Packets
import Testing

@Suite struct ByteRingTests {
  @Test func newRing_isEmpty() {
    let ring = ByteRing(limit: 4096)
    #expect(ring.count == 0)
    #expect(ring.isEmpty == true)
    #expect(ring.limit == 4096)
    #expect(ring.available == 4096)
    #expect(ring.read(0) == [])
  }

  @Test func bytes_areReadAtTheirOffset() {
    var ring = ByteRing(limit: 2048)
    let accepted = ring.append(array: [1, 2, 3, 4, 5])
    #expect(accepted == 5)
    #expect(ring.count == 5)
    #expect(ring.available == 2043)
    #expect(ring.read(5) == [1, 2, 3, 4, 5])
    #expect(ring.read(2, at: 3) == [4, 5])
    #expect(ring.read(0, at: 5) == [])
    // A retransmission reads them again.
    #expect(ring.read(5) == [1, 2, 3, 4, 5])
    ring.removeFirst(2)
    #expect(ring.read(3) == [3, 4, 5])
    ring.removeFirst(0)
    ring.removeFirst(3)
    #expect(ring.isEmpty == true)
  }

  @Test func fullRing_takesWhatFits() {
    var ring = ByteRing(limit: 4096)
    let bytes = (0..<3000).map { UInt8(truncatingIfNeeded: $0) }
    #expect(ring.append(array: bytes) == 3000)
    #expect(ring.append(array: bytes) == 1096)
    #expect(ring.append(array: bytes) == 0)
    #expect(ring.append(array: []) == 0)
    #expect(ring.available == 0)
    #expect(ring.read(4096) == bytes + bytes[..<1096])
    ring.removeFirst(1)
    #expect(ring.append(array: bytes) == 1)
    #expect(ring.read(1, at: 4095) == [0])
  }

  /// Every place at which the bytes can wrap round the end of memory.
  @Test(arguments: [1, 5, 6, 7, 8, 9, 10, 15])
  func bytesThatWrap_areWhole(beforeTheEnd: Int) {
    var ring = ByteRing(limit: 2048)
    let filler = [UInt8](repeating: 0, count: 2048 - beforeTheEnd)
    #expect(ring.append(array: filler) == filler.count)
    ring.removeFirst(filler.count - 1)
    let bytes = (1...10).map { UInt8($0) }
    #expect(ring.append(array: bytes) == 10)
    #expect(ring.read(11) == [0] + bytes)
    for offset in 0...11 {
      for count in 0...(11 - offset) {
        #expect(
          ring.read(count, at: offset)
            == Array(([0] + bytes)[offset..<offset + count])
        )
      }
    }
  }

  @Test func ringThatGrowsWhileWrapped_keepsItsBytes() {
    var ring = ByteRing(limit: 8192)
    var model = (0..<2048).map { UInt8(truncatingIfNeeded: $0 / 3) }
    #expect(ring.append(array: model) == 2048)
    ring.removeFirst(1000)
    model.removeFirst(1000)
    let more = (0..<900).map { UInt8(truncatingIfNeeded: $0 / 5) }
    #expect(ring.append(array: more) == 900)
    model += more
    let most = (0..<5000).map { UInt8(truncatingIfNeeded: $0 / 7) }
    #expect(ring.append(array: most) == 5000)
    model += most
    #expect(ring.read(ring.count) == model)
  }

  @Test func releasedRing_worksAgain() {
    var ring = ByteRing(limit: 2048)
    #expect(ring.append(array: [1, 2]) == 2)
    ring.releaseIfEmpty()
    #expect(ring.read(2) == [1, 2])
    ring.removeFirst(2)
    ring.releaseIfEmpty()
    ring.releaseIfEmpty()
    #expect(ring.append(array: [3]) == 1)
    #expect(ring.read(1) == [3])
    ring.removeAll()
    #expect(ring.isEmpty == true)
    #expect(ring.available == 2048)
    #expect(ring.append(array: [4]) == 1)
    #expect(ring.read(1) == [4])
  }

  @Test(arguments: [1, 2, 3, 4] as [UInt64])
  func randomWork_isThatOfAnArray(seed: UInt64) {
    var numbers = SeededNumbers(seed: seed)
    let limit = 2048 << Int(seed % 3)
    var ring = ByteRing(limit: limit)
    var model: [UInt8] = []
    for operation in 0..<5_000 {
      let place: Comment = "seed \(seed), operation \(operation)"
      switch numbers.next() % 16 {
      case 0..<7:
        let bytes = (0..<Int(numbers.next() % 1_500)).map { _ in
          UInt8(truncatingIfNeeded: numbers.next())
        }
        let accepted = ring.append(array: bytes)
        #expect(accepted == min(bytes.count, limit - model.count), place)
        model += bytes[..<accepted]
      case 7..<13:
        let count = Int(numbers.next() % 1_500) % (model.count + 1)
        ring.removeFirst(count)
        model.removeFirst(count)
      case 13:
        ring.removeFirst(ring.count)
        model = []
      case 14:
        ring.releaseIfEmpty()
      default:
        if numbers.next() % 8 == 0 {
          ring.removeAll()
          model = []
        }
      }
      #expect(ring.count == model.count, place)
      #expect(ring.available == limit - model.count, place)
      let offset = Int(numbers.next() % UInt64(model.count + 1))
      let count = Int(numbers.next() % UInt64(model.count - offset + 1))
      #expect(
        ring.read(count, at: offset) == Array(model[offset..<offset + count]),
        place
      )
    }
    #expect(ring.read(ring.count) == model, "seed \(seed)")
  }

  /// The first 2,048 bytes are always to be had; then a power of two.
  @Test(arguments: [
    (0, 2048), (2048, 2048), (4095, 2048), (4096, 4096), (10_000, 8192),
    (1 << 40, 16384),
  ])
  func memory_growsNoFurtherThanAllowed(most: Int, taken: Int) {
    var ring = ByteRing(limit: 16384)
    let bytes = [UInt8](repeating: 7, count: 20_000)
    let accepted = ring.append(bytes.rawBytes, mostMemory: most)
    #expect(accepted == taken)
    #expect(ring.memorySize == taken)
    let more = ring.append([8].rawBytes, mostMemory: 0)
    #expect(more == 0)
    ring.removeFirst(1)
    let one = ring.append([8].rawBytes, mostMemory: 0)
    #expect(one == 1)
    ring.removeAll()
    #expect(ring.memorySize == 0)
  }

  @Test(arguments: [0, 1, 1024, 2047, 2049, 3000, -2048])
  func senselessLimit_traps(limit: Int) async {
    await #expect(processExitsWith: .failure) { [limit] in
      _ = ByteRing(limit: limit)
    }
  }

  @Test(arguments: [4, -1, .max, .min])
  func removingMoreThanThereIs_traps(count: Int) async {
    await #expect(processExitsWith: .failure) { [count] in
      var ring = ByteRing(limit: 2048)
      _ = ring.append(array: [1, 2, 3])
      ring.removeFirst(count)
    }
  }

  @Test(arguments: [(0, 4), (1, 3), (3, 1), (4, 0), (-1, 1), (.max, 1)])
  func readingBeyondTheBytes_traps(offset: Int, count: Int) async {
    await #expect(processExitsWith: .failure) { [offset, count] in
      var ring = ByteRing(limit: 2048)
      _ = ring.append(array: [1, 2, 3])
      _ = ring.read(count, at: offset)
    }
  }
}
