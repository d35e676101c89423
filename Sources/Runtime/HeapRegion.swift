/// Memory that a ``Heap`` was given, seen through the record at its front.
///
///     | next region | end | first | reserve | header | blocks ... | header |
///     0             8     16      24                 first               end
///
/// The last header is that of a block in use without bytes: an end mark, which
/// spares every look at a next block the question whether there is one.
@safe
struct HeapRegion {
  private let record: UnsafeMutableRawPointer

  /// The bytes before the first block, its header included, with no reserve.
  private static var recordSize: Int { 32 }

  /// Lays a region out in `memory`: a record, `reserve` bytes for the heap
  /// itself, one free block, an end mark. `nil` when it is too small. The free
  /// block is in no bin yet.
  ///
  /// - Precondition: `reserve` is a multiple of 16.
  @unsafe
  init?(
    unsafeMemory memory: UnsafeMutableRawBufferPointer,
    reserve: Int,
    next: HeapRegion?
  ) {
    guard let base = memory.baseAddress else { return nil }
    let granule = UInt(HeapBlock.granule)
    let address = UInt(bitPattern: base)
    let skipped = Int(bitPattern: (0 &- address) & (granule &- 1))
    let whole = (memory.count &- skipped) & ~(HeapBlock.granule &- 1)
    let size = min(
      whole &- Self.recordSize &- reserve,
      HeapBins.sizeLimit &- HeapBlock.granule
    )
    guard size >= HeapBlock.smallestSize else { return nil }
    // SAFETY: Record, block and end mark lie within `memory`, one after
    // another, and the caller has given it to the heap.
    unsafe record = base + skipped
    unsafe record.storeBytes(of: next?.recordAddress ?? 0, as: UInt.self)
    // SAFETY: The first block lies behind the record, the reserve and its own
    // header.
    let first = unsafe HeapBlock(
      unsafeStart: record + Self.recordSize + reserve
    )
    unsafe record.storeBytes(of: first.address, toByteOffset: 16, as: UInt.self)
    let end = first.block(at: size)
    end.initialize(size: 0, isPreviousFree: true)
    unsafe record.storeBytes(of: end.address, toByteOffset: 8, as: UInt.self)
    first.initializeFree(size: size)
  }

  private init(unsafeRecord record: UnsafeMutableRawPointer) {
    unsafe self.record = record
  }

  private var recordAddress: UInt { unsafe UInt(bitPattern: record) }

  /// The region that was added before this one.
  var next: HeapRegion? {
    // SAFETY: The word was written from a region's record.
    guard
      let record = unsafe UnsafeMutableRawPointer(
        bitPattern: record.load(as: UInt.self)
      )
    else { return nil }
    return unsafe HeapRegion(unsafeRecord: record)
  }

  /// The first of the reserved bytes.
  @unsafe
  var unsafeReserve: UnsafeMutableRawPointer { unsafe record + 24 }

  /// The first block.
  var first: HeapBlock { block(at: 16) }

  /// The end mark.
  var end: HeapBlock { block(at: 8) }

  private func block(at offset: Int) -> HeapBlock {
    // SAFETY: The word was written from a block's address in this region.
    let address = unsafe record.load(fromByteOffset: offset, as: UInt.self)
    let distance = Int(bitPattern: address &- recordAddress)
    return unsafe HeapBlock(unsafeStart: record + distance)
  }

  /// Whether any byte from `start` up to `end` is this region's.
  func overlaps(_ start: UInt, _ end: UInt) -> Bool {
    start < self.end.address && recordAddress < end
  }
}
