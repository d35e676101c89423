import Net
import Testing

@Suite struct DeadlineOrderTests {
  @Test func empty_has_nothing_due() {
    var heap = DeadlineHeap()
    #expect(heap.first?.deadline == nil)
    #expect(heap.popDue(at: Instant(nanoseconds: .max)) == nil)
    heap.set(3, to: nil)
    #expect(heap.first?.deadline == nil)
  }

  @Test func due_at_its_instant_and_not_before() {
    var heap = DeadlineHeap()
    heap.set(4, to: Instant(nanoseconds: 10))
    #expect(heap.popDue(at: Instant(nanoseconds: 9)) == nil)
    #expect(heap.popDue(at: Instant(nanoseconds: 10)) == 4)
    #expect(heap.popDue(at: Instant(nanoseconds: 10)) == nil)
  }

  /// Inserts, removes and pops at random, against a sorted array.
  @Test(arguments: 1...20 as ClosedRange<UInt64>)
  func is_a_sorted_array_to_the_outside(seed: UInt64) {
    var random = RandomNumbers(seed: SipHash.Key(seed, 0))
    var heap = DeadlineHeap()
    var model: [(deadline: Instant, owner: Int)] = []
    for step in 0..<2_000 {
      switch Int.random(in: 0..<4, using: &random) {
      case 0, 1:
        let owner = Int.random(in: 0..<100, using: &random)
        guard !model.contains(where: { $0.owner == owner }) else { continue }
        // Few instants, so that many are equal.
        let deadline = Instant(
          nanoseconds: Int64.random(in: 0..<30, using: &random)
        )
        heap.set(UInt32(owner), to: deadline)
        let place = model.firstIndex { $0.deadline > deadline }
        model.insert((deadline, owner), at: place ?? model.count)
      case 2:
        let owner = Int.random(in: 0..<120, using: &random)
        heap.set(UInt32(owner), to: nil)
        model.removeAll { $0.owner == owner }
      default:
        let now = Instant(nanoseconds: Int64.random(in: 0..<30, using: &random))
        var expected: Int?
        if let first = model.first, first.deadline <= now {
          expected = first.owner
          model.removeFirst()
        }
        #expect(heap.popDue(at: now) == expected, "seed \(seed), step \(step)")
      }
      #expect(
        heap.first?.deadline == model.first?.deadline,
        "seed \(seed), step \(step)"
      )
    }
  }
}

extension DeadlineHeap {
  /// Takes out and returns whose deadline is earliest, if that is `now` or
  /// before.
  fileprivate mutating func popDue(at now: Instant) -> Int? {
    guard let first, first.deadline <= now else { return nil }
    set(first.slot, to: nil)
    return Int(first.slot)
  }
}
