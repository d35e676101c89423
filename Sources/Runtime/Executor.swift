import DequeModule
import _Concurrency

/// The executor under Swift's concurrency: a queue of jobs that the kernel's
/// loop runs, one at a time, on the only core.
public enum Executor {
  /// The jobs that are ready, oldest first.
  ///
  /// SAFETY: one core; interrupt handlers run no Swift.
  nonisolated(unsafe) private static var ready = Deque<UnownedJob>(
    minimumCapacity: 256
  )

  /// Whether a job is ready to run.
  public static var hasReadyJobs: Bool { unsafe !ready.isEmpty }

  /// Puts `job` behind the others.
  public static func enqueue(_ job: UnownedJob) { unsafe ready.append(job) }

  /// Runs the jobs that are ready now; those that become ready meanwhile are
  /// left for the next call, so that the network gets its turn.
  public static func runReadyJobs() {
    let count = unsafe ready.count
    for _ in 0..<count {
      guard let job = unsafe ready.popFirst() else { return }
      unsafe job.runSynchronously(on: generic)
    }
  }

  /// The executor of code that is isolated to no actor: two words of zero, as
  /// the concurrency runtime spells it (`SerialExecutorRef::generic()`).
  private static var generic: UnownedSerialExecutor {
    // SAFETY: An executor reference is two words, and zero is a valid value.
    unsafe unsafeBitCast((0, 0), to: UnownedSerialExecutor.self)
  }
}
