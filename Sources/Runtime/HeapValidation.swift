/// What ``Heap/validate()`` finds broken.
public enum HeapDefect: Error, Equatable {
  /// A block's header has a wrong seal or a size that leads out of its region.
  case header
  /// A block says of the one before that it is free when it is not, or not
  /// when it is.
  case previous
  /// Two free blocks lie side by side.
  case neighbours
  /// A free block's size at its end is not that of its header.
  case footer
  /// A bin holds a block that is not free or not of its sizes, links do not
  /// agree, or a free block is in none.
  case bin
  /// A bit says that a bin has blocks when it has none, or the reverse.
  case bits
  /// The statistics are not the sums of what is there.
  case sums
}

extension Heap {
  /// Walks every block and every bin and throws the first defect. Takes as
  /// long as there are blocks.
  public func validate() throws(HeapDefect) {
    var found = (capacity: 0, inUse: 0, blocksInUse: 0, blocksFree: 0)
    var next = lastRegion
    while let region = next {
      var block = region.first
      let end = region.end
      var isPreviousFree = false
      while block != end {
        // A header is trusted no further than its region reaches.
        guard block.isSealed, block.size >= HeapBlock.smallestSize,
          UInt(bitPattern: block.size) <= end.address &- block.address
        else { throw .header }
        guard block.isPreviousFree == isPreviousFree else { throw .previous }
        if block.isFree {
          guard !isPreviousFree else { throw .neighbours }
          guard block.next.previousSize == block.size else { throw .footer }
          found.blocksFree += 1
        } else {
          found.inUse += block.size
          found.blocksInUse += 1
        }
        found.capacity += block.size
        isPreviousFree = block.isFree
        block = block.next
      }
      guard end.isSealed, end.size == 0, !end.isFree else { throw .header }
      guard end.isPreviousFree == isPreviousFree else { throw .previous }
      next = region.next
    }
    try bins.validate(count: found.blocksFree)
    let counts = statistics
    guard found.capacity == counts.capacity,
      found.inUse == counts.bytesInUse,
      found.blocksInUse == counts.blocksInUse,
      counts.blocksInUse == counts.allocations - counts.frees,
      counts.peakBytesInUse >= counts.bytesInUse
    else { throw .sums }
  }
}
