import Net
import Simulation
import Testing

@Suite struct EventQueueTests {
  @Test func events_comeInOrderOfTimeAndOfTelling() {
    var queue = EventQueue<Int>()
    var random = RandomNumbers(seed: SipHash.Key(Seed.base, 0))
    let times = (0..<1000).map { _ in Int64.random(in: 0..<50, using: &random) }
    for (number, time) in times.enumerated() {
      queue.add(number, at: Instant(nanoseconds: time))
    }
    var order: [Int] = []
    while let due = queue.deadline {
      #expect(queue.next(at: due - Interval(nanoseconds: 1)) == nil)
      if let event = queue.next(at: due) { order.append(event) }
    }
    let expected = times.indices.sorted { (times[$0], $0) < (times[$1], $1) }
    #expect(order == expected)
  }
}
