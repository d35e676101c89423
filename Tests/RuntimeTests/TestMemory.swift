@testable import Runtime

/// A heap over fresh regions of the given sizes (the first with what the heap
/// keeps its books in besides), filled with a pattern so that
/// nothing works only because memory was zero. An object, since the macros of
/// Testing take copyable values only; addresses are numbers, so that tests
/// read as arithmetic.
@safe
final class TestHeap {
  private var heap = Heap()
  private var memory: [UnsafeMutableRawBufferPointer] = unsafe []

  init(regions: [Int] = [65_536]) {
    for (index, size) in regions.enumerated() {
      let region = UnsafeMutableRawBufferPointer.allocate(
        byteCount: size + (index == 0 ? HeapBins.tableSize : 0),
        alignment: 4096
      )
      unsafe region.initializeMemory(as: UInt8.self, repeating: 0xA5)
      unsafe memory.append(region)
      unsafe heap.add(region: region)
    }
  }

  deinit {
    unsafe memory.forEach { unsafe $0.deallocate() }
  }

  func take(_ byteCount: Int, alignment: Int = 16) -> UInt? {
    unsafe heap.allocate(byteCount: byteCount, alignment: alignment)
      .map { UInt(bitPattern: $0) }
  }

  func give(_ address: UInt) {
    unsafe heap.free(pointer(address))
  }

  func move(_ address: UInt, to byteCount: Int) -> UInt? {
    unsafe heap.reallocate(pointer(address), byteCount: byteCount)
      .map { UInt(bitPattern: $0) }
  }

  func usable(_ address: UInt) -> Int {
    unsafe heap.usableSize(of: pointer(address))
  }

  func validate() throws(HeapDefect) { try heap.validate() }

  var statistics: HeapStatistics { heap.statistics }
  /// Blocks looked at in searches.
  var steps: Int { heap.bins.steps }
  /// The size of the largest free block, header included.
  var largestSize: Int { heap.bins.largestSize }

  private func pointer(_ address: UInt) -> UnsafeMutableRawPointer {
    unsafe UnsafeMutableRawPointer(bitPattern: address)!
  }
}

/// Writes `value` to the bytes at `address`.
func fill(_ address: UInt, _ count: Int, with value: UInt8) {
  unsafe bytes(address, count).initializeMemory(
    as: UInt8.self,
    repeating: value
  )
}

/// Whether all bytes at `address` are `value`.
func holds(_ address: UInt, _ count: Int, _ value: UInt8) -> Bool {
  let bytes = unsafe bytes(address, count)
  let words = count / 8
  let word = UInt64(value) &* 0x0101_0101_0101_0101
  for index in 0..<words {
    let found = unsafe bytes.loadUnaligned(
      fromByteOffset: index * 8,
      as: UInt64.self
    )
    if found != word { return false }
  }
  return unsafe bytes[(words * 8)...].allSatisfy { $0 == value }
}

private func bytes(
  _ address: UInt,
  _ count: Int
) -> UnsafeMutableRawBufferPointer {
  unsafe UnsafeMutableRawBufferPointer(
    start: UnsafeMutableRawPointer(bitPattern: address),
    count: count
  )
}

/// A run of numbers that a seed plays again: SplitMix64 (Steele, Lea and Flood,
/// 2014).
struct SeededNumbers: RandomNumberGenerator {
  var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var word = state
    word = (word ^ word &>> 30) &* 0xBF58_476D_1CE4_E5B9
    word = (word ^ word &>> 27) &* 0x94D0_49BB_1331_11EB
    return word ^ word &>> 31
  }
}
