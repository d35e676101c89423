import Packets
import Testing

@testable import Net

@Suite struct AssemblerTests {
  static func packet(_ pool: PacketPool, _ start: Int, _ count: Int)
    -> PacketBuffer
  {
    var packet = pool.allocate()!
    packet.append(copying: pattern(count, from: start).rawSpan)
    return packet
  }

  /// Segments as start and length, and what continues from 0 in the end.
  @Test(
    arguments: [
      ([(0, 10)], 10),
      ([(10, 10), (0, 10)], 20),
      ([(10, 10), (20, 10), (0, 10)], 30),
      ([(20, 10), (10, 10), (0, 10)], 30),
      ([(5, 10), (0, 10)], 15),
      ([(0, 10), (5, 10)], 15),
      ([(10, 5), (5, 20), (0, 5)], 25),
      ([(10, 5), (20, 5), (8, 20), (0, 8)], 28),
      ([(10, 10), (12, 3), (0, 10)], 20),
      ([(10, 10), (15, 10), (0, 12)], 25),
      ([(10, 10), (30, 10), (0, 10)], 20),
      ([(10, 10), (10, 10), (0, 10)], 20),
      ([(10, 10), (5, 10), (0, 5)], 20),
    ] as [([(Int, Int)], Int)]
  )
  func segments_continue(segments: [(Int, Int)], total: Int) {
    let pool = PacketPool(capacity: 16)
    do {
      var assembler = Assembler()
      for (start, count) in segments {
        _ = assembler.insert(
          Self.packet(pool, start, count),
          at: SequenceNumber(UInt32(start)),
          limit: 8
        )
      }
      var bytes: [UInt8] = []
      while let packet = assembler.popFirst(
        at: SequenceNumber(UInt32(bytes.count))
      ) {
        bytes += Array(copying: packet.bytes)
      }
      #expect(bytes == pattern(total))
    }
    #expect(pool.available == pool.capacity)
  }

  /// Text that comes again with other borders, and other bytes: which borders,
  /// and where the bytes are those that came first, from 10 on.
  @Test(
    arguments: [
      // The same; whole in what came; the front; the end.
      [(10, 20)], [(12, 5)], [(5, 10)], [(25, 10)],
      // All that came, and more; in two steps; joined.
      [(5, 30)], [(0, 12), (8, 30)], [(10, 30)], [(5, 25)],
      [(30, 10), (5, 40)],
    ] as [[(Int, Int)]]
  )
  func bytesThatCameFirst_stay(others: [(Int, Int)]) {
    let pool = PacketPool(capacity: 16)
    var assembler = Assembler()
    // In two segments of 10 that do not fit behind each other.
    for start in [20, 10] {
      var packet = pool.allocate()!
      packet.append(copying: [UInt8](repeating: 1, count: 10).rawSpan)
      let place = SequenceNumber(UInt32(start))
      _ = assembler.insert(packet, at: place, limit: 8)
    }
    for (start, count) in others + [(0, 50)] {
      var packet = pool.allocate()!
      packet.append(copying: [UInt8](repeating: 2, count: count).rawSpan)
      let place = SequenceNumber(UInt32(start))
      _ = assembler.insert(packet, at: place, limit: 8)
    }
    var bytes: [UInt8] = []
    while let packet = assembler.popFirst(
      at: SequenceNumber(UInt32(bytes.count))
    ) {
      bytes += Array(copying: packet.bytes)
    }
    #expect(
      bytes == (0..<50).map { (10..<30).contains($0) ? 1 : 2 }
    )
    #expect(pool.available == pool.capacity)
  }

  @Test func gap_isNotCrossed() {
    let pool = PacketPool(capacity: 4)
    var assembler = Assembler()
    let insertion = assembler.insert(
      Self.packet(pool, 5, 5),
      at: SequenceNumber(5),
      limit: 8
    )
    #expect(insertion == .kept)
    let isNothing = assembler.popFirst(at: SequenceNumber(4)) == nil
    #expect(isNothing)
    let count = assembler.count
    #expect(count == 1)
    // What was received otherwise is dropped.
    let isStale = assembler.popFirst(at: SequenceNumber(10)) == nil
    #expect(isStale)
    let isEmpty = assembler.isEmpty
    #expect(isEmpty)
    #expect(pool.available == 4)
  }

  @Test func limit_isKept() {
    let pool = PacketPool(capacity: 8)
    var assembler = Assembler()
    var results: [Assembler.Insertion] = []
    for start in [100, 200, 300, 200] {
      let insertion = assembler.insert(
        Self.packet(pool, start, 10),
        at: SequenceNumber(UInt32(start)),
        limit: 2
      )
      results.append(insertion)
    }
    #expect(results == [.kept, .kept, .full, .duplicate])
    #expect(pool.available == 6)
    let (start, isOther) = assembler.dropLast(pool)
    #expect(start == SequenceNumber(200))
    #expect(!isOther)
    let count = assembler.count
    #expect(count == 1)
    #expect(pool.available == 7)
    assembler.removeAll()
    #expect(pool.available == 8)
  }

  /// Parts of 10 bytes at these places; around which block; the run.
  @Test(
    arguments: [
      ([10], 10..<20, 10..<20), ([10, 20, 30], 20..<30, 10..<40),
      ([10, 20, 40], 20..<30, 10..<30), ([10, 30, 40], 30..<40, 30..<50),
      ([10, 20, 30, 50], 10..<20, 10..<40), ([10, 20, 30], 10..<40, 10..<40),
    ] as [([Int], Range<Int>, Range<Int>)]
  )
  func run_isWithoutAGap(starts: [Int], block: Range<Int>, run: Range<Int>) {
    let pool = PacketPool(capacity: 8)
    var assembler = Assembler()
    for start in starts {
      _ = assembler.insert(
        // Larger than what is copied behind another.
        Self.packet(pool, start * 100, 1000),
        at: SequenceNumber(UInt32(start * 100)),
        limit: 8
      )
    }
    func scaled(_ range: Range<Int>) -> SACKBlock {
      SACKBlock(
        start: SequenceNumber(UInt32(range.lowerBound * 100)),
        end: SequenceNumber(UInt32(range.upperBound * 100))
      )
    }
    let found = assembler.run(around: scaled(block))
    #expect(found == scaled(run))
  }

  @Test(
    arguments: [
      (0..<10, nil), (0..<11, 10..<11), (12..<15, 12..<15), (15..<45, 15..<20),
      (20..<30, nil), (25..<35, 30..<35), (40..<50, nil), (0..<100, 10..<20),
    ] as [(Range<Int>, Range<Int>?)]
  )
  func overlap_isTheFirst(range: Range<Int>, expected: Range<Int>?) {
    let pool = PacketPool(capacity: 4)
    var assembler = Assembler()
    for start in [10, 30] {
      _ = assembler.insert(
        Self.packet(pool, start, 10),
        at: SequenceNumber(UInt32(start)),
        limit: 8
      )
    }
    let found = assembler.overlap(
      with: SACKBlock(
        start: SequenceNumber(UInt32(range.lowerBound)),
        end: SequenceNumber(UInt32(range.upperBound))
      )
    )
    let bounds = found.map {
      Int($0.start.rawValue)..<Int($0.end.rawValue)
    }
    #expect(bounds == expected)
  }

  @Test func memory_isThatOfTheSlots() {
    let pool = PacketPool(capacity: 8)
    let slot = pool.bytesPerPacket
    var assembler = Assembler()
    var results: [Assembler.Insertion] = []
    for start in [100, 3000, 6000] {
      let insertion = assembler.insert(
        Self.packet(pool, start, 1000),
        at: SequenceNumber(UInt32(start)),
        limit: 8,
        mostMemory: 2 * slot
      )
      results.append(insertion)
    }
    #expect(results == [.kept, .kept, .full])
    let full = assembler.memory
    #expect(full == 2 * slot)
    assembler.removeAll(from: SequenceNumber(3500))
    let cut = assembler.memory
    #expect(cut == 2 * slot)
    assembler.removeAll(from: SequenceNumber(3000))
    let less = assembler.memory
    #expect(less == slot)
    _ = assembler.popFirst(at: SequenceNumber(100))
    let none = assembler.memory
    #expect(none == 0)
    #expect(pool.available == 8)
  }

  /// A record goes from connection to connection with its memory, and nothing
  /// else.
  @Test(arguments: [false, true])
  func record_isReused(isSelective: Bool) {
    let pool = PacketPool(capacity: 8)
    var early = EarlySegments(isSelective: true)
    _ = early.assembler.insert(
      Self.packet(pool, 9, 9),
      at: SequenceNumber(9),
      limit: 8
    )
    let block = SACKBlock(start: SequenceNumber(9), end: SequenceNumber(18))
    early.selective.grew(block)
    early.selective.cameAgain(block)
    let isEmpty = early.isEmpty
    #expect(!isEmpty)
    early.reuse(isSelective: isSelective)
    let isEmptyNow = early.isEmpty
    #expect(isEmptyNow)
    #expect(pool.available == 8)
    let isOn = early.selective.isOn
    #expect(isOn == isSelective)
    let memory = early.assembler.memory
    #expect(memory == 0)
  }

  @Test func following_sharesAPacket() {
    let pool = PacketPool(capacity: 8)
    var assembler = Assembler()
    for start in stride(from: 10, to: 110, by: 10) {
      _ = assembler.insert(
        Self.packet(pool, start, 10),
        at: SequenceNumber(UInt32(start)),
        limit: 1
      )
    }
    let count = assembler.count
    #expect(count == 1)
    #expect(pool.available == 7)
  }

  /// Against a model: the first byte to come at a place stays.
  @Test(arguments: 1...20 as ClosedRange<UInt64>)
  func randomSegments_areAsTheModelSays(seed: UInt64) {
    var random = RandomNumbers(seed: SipHash.Key(seed, 7))
    let pool = PacketPool(capacity: 256)
    let base = SequenceNumber(0xFFFF_FF80)
    do {
      var assembler = Assembler()
      var held = Set<Int>()
      var next = 0
      var received: [UInt8] = []
      for _ in 0..<400 {
        let start = max(
          0,
          Int.random(in: next - 20..<next + 80, using: &random)
        )
        let count = Int.random(in: 1...40, using: &random)
        let insertion = assembler.insert(
          Self.packet(pool, start, count),
          at: base + start,
          limit: 64
        )
        if insertion != .full { held.formUnion(start..<start + count) }
        while let packet = assembler.popFirst(at: base + next) {
          received += Array(copying: packet.bytes)
          next += packet.count
        }
        var expected = 0
        while held.contains(expected) { expected += 1 }
        #expect(next == expected, "seed \(seed)")
      }
      #expect(received == pattern(received.count), "seed \(seed)")
      #expect(received.count > 100, "seed \(seed)")
    }
    #expect(pool.available == pool.capacity, "seed \(seed)")
  }
}

@Suite struct DeadlineHeapTests {
  @Test func earliest_isFirst() {
    var heap = DeadlineHeap()
    #expect(heap.first == nil)
    heap.set(3, to: Instant(nanoseconds: 30))
    heap.set(1, to: Instant(nanoseconds: 10))
    heap.set(2, to: Instant(nanoseconds: 20))
    #expect(heap.first?.slot == 1)
    heap.set(1, to: Instant(nanoseconds: 40))
    #expect(heap.first?.slot == 2)
    heap.set(2, to: nil)
    heap.set(9, to: nil)
    #expect(heap.first?.slot == 3)
    heap.set(3, to: nil)
    heap.set(1, to: nil)
    #expect(heap.first == nil)
  }

  @Test(arguments: 1...5 as ClosedRange<UInt64>)
  func randomDeadlines_areAsTheModelSays(seed: UInt64) {
    var random = RandomNumbers(seed: SipHash.Key(seed, 8))
    var heap = DeadlineHeap()
    var model: [UInt32: Int64] = [:]
    for step in 0..<3000 {
      let slot = UInt32.random(in: 0..<64, using: &random)
      if Bool.random(using: &random) || Bool.random(using: &random) {
        let time = Int64.random(in: 0..<1000, using: &random)
        heap.set(slot, to: Instant(nanoseconds: time))
        model[slot] = time
      } else {
        heap.set(slot, to: nil)
        model[slot] = nil
      }
      let first = heap.first
      #expect(
        first?.deadline.nanoseconds == model.values.min(),
        "seed \(seed) step \(step)"
      )
      if let first {
        #expect(
          model[first.slot] == first.deadline.nanoseconds,
          "seed \(seed) step \(step)"
        )
      }
    }
  }
}

@Suite struct SlotListTests {
  /// Two lists with the same links, among which slots go to and fro.
  @Test(arguments: 1...5 as ClosedRange<UInt64>)
  func randomSlots_areAsTheModelSays(seed: UInt64) {
    var random = RandomNumbers(seed: SipHash.Key(seed, 9))
    var links = SlotLinks()
    var lists = [SlotList(number: 0), SlotList(number: 7)]
    var models: [[UInt32]] = [[], []]
    for step in 0..<3000 {
      let slot = UInt32.random(in: 0..<20, using: &random)
      let which = Int.random(in: 0..<2, using: &random)
      switch Int.random(in: 0..<5, using: &random) {
      case 4:
        guard lists[which].contains(slot, in: links) else { continue }
        lists[which].moveToEnd(slot, in: &links)
        models[which].removeAll { $0 == slot }
        models[which].append(slot)
      case 0, 1:
        lists[1 - which].remove(slot, in: &links)
        models[1 - which].removeAll { $0 == slot }
        lists[which].append(slot, in: &links)
        if !models[which].contains(slot) { models[which].append(slot) }
      case 2:
        lists[which].remove(slot, in: &links)
        models[which].removeAll { $0 == slot }
      default:
        let first = lists[which].popFirst(in: &links)
        let expected =
          models[which].isEmpty ? nil : models[which].removeFirst()
        #expect(first == expected, "seed \(seed) step \(step)")
      }
      for (list, model) in zip(lists, models) {
        #expect(list.count == model.count, "seed \(seed) step \(step)")
        #expect(list.isEmpty == model.isEmpty)
        #expect(list.first == model.first, "seed \(seed) step \(step)")
        #expect(list.contains(slot, in: links) == model.contains(slot))
        let next = model.firstIndex(of: slot).map {
          $0 + 1 < model.count ? model[$0 + 1] : nil
        }
        guard let next else { continue }
        #expect(list.next(after: slot, in: links) == next)
      }
    }
  }

  @Test func twoListsAtOnce_trap() async {
    await #expect(processExitsWith: .failure) {
      var links = SlotLinks()
      var (one, other) = (SlotList(number: 0), SlotList(number: 1))
      one.append(3, in: &links)
      other.append(3, in: &links)
    }
  }
}

@Suite struct ChallengeLimitTests {
  @Test func limit_isForAPeriod() {
    var limit = ChallengeLimit()
    let start = Instant(nanoseconds: 0)
    var allowed = 0
    for step in 0..<100 {
      let now = start + .milliseconds(Int64(step) * 100)
      if limit.allows(10, every: .seconds(5), at: now) { allowed += 1 }
    }
    // Ten at once, and ten more in the second period of five seconds.
    #expect(allowed == 20)
  }
}
