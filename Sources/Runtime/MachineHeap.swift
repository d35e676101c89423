/// The heap that everything on the machine allocates from: the kernel gives it
/// memory, `Exports` hands it out under the names that compiled code calls. On
/// the host it stays empty.
public enum MachineHeap {
  /// The heap.
  ///
  /// SAFETY: one core; interrupt handlers run no Swift.
  nonisolated(unsafe) static var heap = Heap()

  /// Gives the heap `byteCount` bytes of memory at `address`.
  ///
  /// SAFETY: Nobody else may use the memory from here on.
  @unsafe
  public static func add(address: UInt, byteCount: Int) {
    unsafe heap.add(
      region: UnsafeMutableRawBufferPointer(
        start: UnsafeMutableRawPointer(bitPattern: address),
        count: byteCount
      )
    )
  }

  /// What is in use and what is free.
  public static var statistics: HeapStatistics { unsafe heap.statistics }
}
