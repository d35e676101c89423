import Testing

@testable import Runtime

/// Gives the jobs of a task to the executor of the machine.
private final class MachineExecutor: TaskExecutor {
  func enqueue(_ job: consuming ExecutorJob) {
    Executor.enqueue(UnownedJob(job))
  }
}

/// What tasks did, in order. On one thread: that of the test.
private final class Log: @unchecked Sendable {
  var entries: [String] = []
}

/// One after the other: there is one executor.
@Suite(.serialized) struct ExecutorTests {
  private let executor = MachineExecutor()
  private let log = Log()

  private func start(_ body: @escaping @Sendable () async -> Void) {
    _ = Task(executorPreference: executor) { await body() }
  }

  /// Runs until nothing is ready, but not for ever.
  private func drain() {
    for _ in 0..<1000 where Executor.hasReadyJobs { Executor.runReadyJobs() }
    #expect(!Executor.hasReadyJobs)
  }

  @Test func nothingReady_runsNothing() {
    #expect(!Executor.hasReadyJobs)
    Executor.runReadyJobs()
    #expect(!Executor.hasReadyJobs)
  }

  @Test func start_runsNothingUntilAsked() {
    start { [log] in log.entries.append("ran") }
    #expect(Executor.hasReadyJobs)
    #expect(log.entries == [])
    drain()
    #expect(log.entries == ["ran"])
  }

  @Test func jobs_runInTheOrderTheyCame() {
    for number in 0..<300 {
      start { [log] in log.entries.append("\(number)") }
    }
    drain()
    #expect(log.entries == (0..<300).map { "\($0)" })
  }

  @Test func yieldingTasks_takeTurns() {
    for name in ["a", "b", "c"] {
      start { [log] in
        for round in 0..<4 {
          log.entries.append("\(name)\(round)")
          await Task.yield()
        }
      }
    }
    drain()
    let expected = (0..<4).flatMap { ["a\($0)", "b\($0)", "c\($0)"] }
    #expect(log.entries == expected)
  }

  @Test func jobsOfTheRun_areLeftForTheNext() {
    start { [executor, log] in
      log.entries.append("parent")
      _ = Task(executorPreference: executor) { log.entries.append("child") }
    }
    while log.entries.isEmpty { Executor.runReadyJobs() }
    #expect(log.entries == ["parent"])
    #expect(Executor.hasReadyJobs)
    drain()
    #expect(log.entries == ["parent", "child"])
  }

  /// A task that never waits for long must not keep the network from its turn.
  @Test func endlessYielding_endsEachRun() {
    let isDone = Log()
    start { [log] in
      while isDone.entries.isEmpty {
        log.entries.append("turn")
        await Task.yield()
      }
    }
    for _ in 0..<20 { Executor.runReadyJobs() }
    #expect((1...20).contains(log.entries.count))
    #expect(Executor.hasReadyJobs)
    isDone.entries.append("done")
    drain()
  }

  @Test func continuation_resumedOutside_runsOnTheNextTurn() {
    let box = Box()
    start { [log] in
      log.entries.append("waits")
      await withCheckedContinuation { box.continuation = $0 }
      log.entries.append("goes on")
    }
    drain()
    #expect(log.entries == ["waits"])
    box.continuation?.resume()
    #expect(log.entries == ["waits"])
    #expect(Executor.hasReadyJobs)
    drain()
    #expect(log.entries == ["waits", "goes on"])
  }

  private final class Box: @unchecked Sendable {
    var continuation: CheckedContinuation<Void, Never>?
  }
}
