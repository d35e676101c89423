/// The memory of one queue's rings, all of which the device reaches.
///
/// It begins on a page and is zero. When its owner ends while the device may
/// still write there it is lost on purpose, which is the lesser harm.
@safe
@usableFromInline
struct QueueMemory: ~Copyable {
  /// Where a legacy queue begins, and its device area: on a page. VIRTIO 1.2
  /// §2.7.2.
  static let pageSize = 4096

  private let memory: UnsafeMutableRawPointer
  /// The bytes there are, whole pages.
  let byteCount: Int
  /// Whether the device may use the memory: from when it is told of it until it
  /// has been reset.
  var isWithDevice = false

  /// At least `byteCount` bytes.
  ///
  /// - Precondition: `byteCount` is positive.
  init(byteCount: Int) {
    precondition(byteCount > 0)
    self.byteCount = Self.pages(byteCount)
    // SAFETY: Freed in deinit only.
    unsafe memory = .allocate(
      byteCount: self.byteCount,
      alignment: Self.pageSize
    )
    unsafe memory.initializeMemory(
      as: UInt8.self,
      repeating: 0,
      count: self.byteCount
    )
  }

  deinit {
    guard !isWithDevice else { return }
    // SAFETY: Nothing uses the memory but its owner, which ends.
    unsafe memory.deallocate()
  }

  /// Where it begins.
  var address: UInt { unsafe UInt(bitPattern: memory) }

  /// `byteCount`, up to the end of its last page.
  static func pages(_ byteCount: Int) -> Int {
    (byteCount + pageSize - 1) & ~(pageSize - 1)
  }
}
