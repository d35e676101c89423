#if hasFeature(Embedded)
  import _Concurrency

  // The hooks by which Swift's concurrency library asks for an executor:
  // `include/swift/Runtime/Concurrency.h` of the Swift project. Each has the
  // Swift calling convention. On the host the library brings its own.

  @_silgen_name("swift_task_enqueueGlobalImpl")
  func taskEnqueueGlobal(_ job: UnownedJob) {
    Executor.enqueue(job)
  }

  /// There is one executor, so the main actor's jobs run on it too.
  @_silgen_name("swift_task_enqueueMainExecutorImpl")
  func taskEnqueueMainExecutor(_ job: UnownedJob) {
    Executor.enqueue(job)
  }

  @_silgen_name("swift_task_enqueueGlobalWithDelayImpl")
  func taskEnqueueGlobal(afterNanoseconds delay: UInt64, _ job: UnownedJob) {
    unsafe Platform.current!.panic(
      "Task.sleep has no clock on this machine: use System.sleep(for:)"
    )
  }

  @_silgen_name("swift_task_enqueueGlobalWithDeadlineImpl")
  func taskEnqueueGlobal(
    seconds: Int64,
    nanoseconds: Int64,
    toleranceSeconds: Int64,
    toleranceNanoseconds: Int64,
    clock: CInt,
    _ job: UnownedJob
  ) {
    unsafe Platform.current!.panic(
      "Task.sleep has no clock on this machine: use System.sleep(for:)"
    )
  }

  @_silgen_name("swift_task_getMainExecutorImpl")
  func taskMainExecutor() -> (Int, Int) { (0, 0) }

  @_silgen_name("swift_task_isMainExecutorImpl")
  func taskIsMainExecutor(_ executor: (Int, Int)) -> Bool {
    executor.0 == 0
  }

  /// Called when code that wants an executor's isolation runs elsewhere: with
  /// one core and one executor it always has it.
  @_silgen_name("swift_task_checkIsolatedImpl")
  func taskCheckIsolated(_ executor: (Int, Int)) {}

  /// 1: isolated, 0: not, -1: unknown.
  @_silgen_name("swift_task_isIsolatingCurrentContextImpl")
  func taskIsIsolatingCurrentContext(_ executor: (Int, Int)) -> Int8 { 1 }

  @_silgen_name("swift_task_donateThreadToGlobalExecutorUntilImpl")
  func taskDonateThread(
    until condition: @convention(c) (UnsafeMutableRawPointer?) -> Bool,
    _ context: UnsafeMutableRawPointer?
  ) {
    // SAFETY: Condition and context are the caller's, for the call's length.
    while unsafe !condition(context) { Executor.runReadyJobs() }
  }

  /// The kernel's loop drains the queue; nothing asks for this but an async
  /// `main`, and an app's is not.
  @_silgen_name("swift_task_asyncMainDrainQueueImpl")
  func taskDrainQueue() -> Never {
    unsafe Platform.current!.panic("an app's main must not be async")
  }
#endif
