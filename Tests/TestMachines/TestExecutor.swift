import Synchronization

/// Runs tasks on the thread that calls ``runReadyJobs()`` and on no other, as
/// the kernel's executor does on its one core.
///
/// A task gets here by `Task(executorPreference:)`, and its children by
/// inheriting that.
public final class TestExecutor: TaskExecutor {
  private let ready = Mutex<[UnownedJob]>([])

  /// An executor with nothing to do.
  public init() {}

  /// Whether a job is ready to run.
  public var hasReadyJobs: Bool { ready.withLock { !$0.isEmpty } }

  /// Puts `job` behind the others.
  public func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    ready.withLock { $0.append(job) }
  }

  /// Runs the jobs that are ready now; those that become ready meanwhile are
  /// left for the next call.
  public func runReadyJobs() {
    let jobs = ready.withLock { jobs in
      let taken = jobs
      jobs = []
      return taken
    }
    for job in jobs {
      // SAFETY: Each job was handed over once and runs once.
      unsafe job.runSynchronously(on: asUnownedTaskExecutor())
    }
  }
}
