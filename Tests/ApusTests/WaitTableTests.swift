import Net
import Testing
import TestMachines

@testable import Apus
@testable import Net

/// A table, and tasks that wait in it.
private final class Waiting: @unchecked Sendable {
  let executor = TestExecutor()
  var table = WaitTable()
  /// The waits that ended, in order.
  var ended: [(name: Int, result: WaitResult)] = []
  private var tickets: [Int: WaitTable.Ticket] = [:]

  /// Lets a task wait under `name`.
  func begin(_ name: Int, for event: WaitEvent, until deadline: Instant? = nil)
  {
    Task(executorPreference: executor) { [self] in
      let result = await withCheckedContinuation { continuation in
        let ticket = table.makeTicket()
        tickets[name] = ticket
        table.add(continuation, ticket, for: event, until: deadline)
      }
      ended.append((name, result))
    }
    run()
  }

  /// Ends the wait of `name`, if it has not ended: tickets are kept, as those
  /// of cancellation handlers are.
  func cancel(_ name: Int) { table.cancel(tickets[name]!) }

  /// What has ended since the last call.
  func takeEnded() -> [Ended] {
    run()
    defer { ended = [] }
    return ended.map { Ended(name: $0.name, result: $0.result) }
  }

  private func run() {
    while executor.hasReadyJobs { executor.runReadyJobs() }
  }
}

private struct Ended: Equatable {
  let name: Int
  let result: WaitResult
}

@Suite struct WaitTableTests {
  private static func connection(_ index: UInt32) -> ConnectionID {
    ConnectionID(index: index, generation: 0)
  }

  private static let events: [WaitEvent] = [
    .time, .bound, .acceptable(ListenerID(index: 0, generation: 0)),
    .readable(connection(0)), .writable(connection(0)),
    .readable(connection(7)), .writable(connection(7)),
    .datagram(SocketID(index: 0, generation: 0)),
    .datagramRoom(SocketID(index: 0, generation: 0)),
  ]

  @Test func an_event_wakes_those_that_wait_for_it_in_order() {
    for event in Self.events where event != .time {
      let waiting = Waiting()
      for name in 0..<20 {
        waiting.begin(name, for: name % 2 == 0 ? event : .time)
      }
      for other in Self.events where other != event {
        waiting.table.wakeAll(other)
      }
      #expect(waiting.takeEnded() == [])
      waiting.table.wakeAll(event)
      #expect(
        waiting.takeEnded()
          == stride(from: 0, to: 20, by: 2).map {
            Ended(name: $0, result: .ready)
          }
      )
      for name in 0..<20 { waiting.cancel(name) }
      #expect(waiting.takeEnded().count == 10)
    }
  }

  @Test func a_ticket_that_is_used_up_ends_nothing() {
    let waiting = Waiting()
    waiting.begin(1, for: .bound)
    waiting.table.wakeAll(.bound)
    // Before the task has run: what is ready stays ready.
    waiting.cancel(1)
    #expect(waiting.takeEnded() == [Ended(name: 1, result: .ready)])
    // The slot is another's now.
    waiting.begin(2, for: .bound)
    waiting.cancel(1)
    #expect(waiting.takeEnded() == [])
    #expect(waiting.table.capacity == 1)
    waiting.cancel(2)
    waiting.cancel(2)
    #expect(waiting.takeEnded() == [Ended(name: 2, result: .cancelled)])
  }

  @Test func a_ticket_that_is_given_back_can_be_had_again() {
    var table = WaitTable()
    let first = table.makeTicket()
    let second = table.makeTicket()
    #expect(first != second)
    // Its wait has not begun, so there is nothing to end.
    table.cancel(first)
    #expect(table.makeTicket() != first)
    table.discard(first)
    table.discard(first)
    #expect(table.capacity == 3)
    let third = table.makeTicket()
    #expect(third != first)
    #expect(table.makeTicket() != third)
    #expect(table.capacity == 4)
  }

  @Test func a_deadline_ends_a_wait_once() {
    let waiting = Waiting()
    waiting.begin(1, for: .bound, until: Instant(nanoseconds: 5))
    waiting.begin(2, for: .bound, until: Instant(nanoseconds: 3))
    #expect(waiting.table.deadline == Instant(nanoseconds: 3))
    waiting.table.expire(at: Instant(nanoseconds: 3))
    waiting.table.wakeAll(.bound)
    #expect(
      waiting.takeEnded() == [
        Ended(name: 2, result: .timedOut), Ended(name: 1, result: .ready),
      ]
    )
    #expect(waiting.table.deadline == nil)
    waiting.table.expire(at: Instant(nanoseconds: 9))
    #expect(waiting.takeEnded() == [])
  }

  /// Waits, wake-ups, deadlines and cancellations at random, against an array.
  @Test(arguments: 1...20 as ClosedRange<UInt64>)
  func does_as_an_array_would(seed: UInt64) {
    struct Model {
      let name: Int
      let event: WaitEvent
      let deadline: Instant?
    }
    var random = RandomNumbers(seed: SipHash.Key(seed, 1))
    let waiting = Waiting()
    var model: [Model] = []
    var now = Instant(nanoseconds: 0)
    var most = 0
    for name in 0..<1_000 {
      var expected: [Ended] = []
      switch Int.random(in: 0..<5, using: &random) {
      case 0, 1, 2:
        let event = Self.events.randomElement(using: &random)!
        // No two the same: the order of equal ones is DeadlineHeap's to test.
        let deadline =
          Bool.random(using: &random)
          ? now + Interval(nanoseconds: Int64(name % 37 * 1000 + name)) : nil
        waiting.begin(name, for: event, until: deadline)
        model.append(Model(name: name, event: event, deadline: deadline))
      case 3:
        let event = Self.events.randomElement(using: &random)!
        waiting.table.wakeAll(event)
        guard event != .time else { break }
        expected = model.filter { $0.event == event }.map {
          Ended(name: $0.name, result: .ready)
        }
      default:
        if Bool.random(using: &random), let one = model.randomElement() {
          waiting.cancel(one.name)
          expected = [Ended(name: one.name, result: .cancelled)]
        } else {
          now = now + Interval(nanoseconds: 5_000)
          waiting.table.expire(at: now)
          expected = model.filter { $0.deadline.map { $0 <= now } ?? false }
            .sorted { $0.deadline! < $1.deadline! }
            .map { Ended(name: $0.name, result: .timedOut) }
        }
      }
      #expect(waiting.takeEnded() == expected, "seed \(seed), step \(name)")
      model.removeAll { one in expected.contains { $0.name == one.name } }
      most = max(most, model.count)
      #expect(waiting.table.count == model.count, "seed \(seed)")
      #expect(
        waiting.table.deadline == model.compactMap(\.deadline).min(),
        "seed \(seed)"
      )
      #expect(waiting.table.capacity == most, "seed \(seed)")
    }
    for one in model { waiting.cancel(one.name) }
    #expect(waiting.takeEnded().count == model.count)
    #expect(waiting.table.count == 0)
    #expect(waiting.table.deadline == nil)
  }
}
