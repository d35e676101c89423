/// One block of a ``Heap``, seen through the address of its first byte.
///
///     offset   in use                     free
///         -8   | seal | size | flags |    | seal | size | flags |
///          0   | bytes               |    | next of the bin     |
///          8   |   ...               |    | previous of the bin |
///         16   |   ...               |    |   ...               |
///  size - 16   |   ...               |    | size                |
///  size -  8   the next block's header
///
/// A block's size is the distance to the next one, header included. Only a
/// free block repeats it at its end, for its successor to find it by, so a
/// block in use costs eight bytes.
///
/// The seal is a hash of the block's address and size. What is handed to
/// `free` is a block only if its seal is right, so an address inside a block,
/// one that was swallowed by its free neighbour, and a header that was written
/// over are found, with one multiplication.
@safe
struct HeapBlock: Equatable {
  /// The address of the first byte, a multiple of ``granule``.
  let start: UnsafeMutableRawPointer

  /// The block at `start`, which must be one, or must become one by
  /// ``initialize(size:isPreviousFree:)`` before anything else.
  @unsafe
  init(unsafeStart start: UnsafeMutableRawPointer) {
    unsafe self.start = start
  }

  /// The bytes before the first that belong to the block.
  static var headerSize: Int { 8 }
  /// What sizes and addresses are multiples of: the alignment that Swift and
  /// C expect of an allocation (System V ABI x86-64, `max_align_t`).
  static var granule: Int { 16 }
  /// The smallest size: a header, two links and the size at the end.
  static var smallestSize: Int { 32 }

  private static var freeFlag: UInt { 1 }
  private static var previousFreeFlag: UInt { 2 }
  private static var sizeMask: UInt { 0x0000_FFFF_FFFF_FFF0 }
  private static var sealMask: UInt { 0xFFFF_0000_0000_0000 }

  static func == (first: HeapBlock, second: HeapBlock) -> Bool {
    first.address == second.address
  }

  /// The address of the first byte, as a number.
  var address: UInt { unsafe UInt(bitPattern: start) }

  /// The bytes that the owner may use.
  var usableSize: Int { size &- Self.headerSize }

  /// The distance to the first multiple of `alignment` that leaves no room
  /// before it, or room for a block.
  func gap(alignment: Int) -> Int {
    let mask = UInt(bitPattern: alignment &- 1)
    guard address & mask != 0 else { return 0 }
    let aligned = (address &+ UInt(Self.smallestSize) &+ mask) & ~mask
    return Int(bitPattern: aligned &- address)
  }

  // MARK: Header

  /// The distance in bytes to the next block.
  var size: Int { Int(bitPattern: header & Self.sizeMask) }

  var isFree: Bool { header & Self.freeFlag != 0 }

  /// Whether the block before this one is free.
  var isPreviousFree: Bool {
    get { header & Self.previousFreeFlag != 0 }
    nonmutating set {
      if newValue {
        header |= Self.previousFreeFlag
      } else {
        header &= ~Self.previousFreeFlag
      }
    }
  }

  /// Whether the header is one that was written for this address.
  var isSealed: Bool {
    header & Self.sealMask == seal(header & Self.sizeMask)
  }

  /// Writes the header of a block in use.
  func initialize(size: Int, isPreviousFree: Bool) {
    let size = UInt(bitPattern: size)
    header = seal(size) | size | (isPreviousFree ? Self.previousFreeFlag : 0)
  }

  /// Writes the header and the last word of a free block, and tells the next.
  /// The block before a free one is in use, or the two would be one.
  func initializeFree(size: Int) {
    let word = UInt(bitPattern: size)
    header = seal(word) | word | Self.freeFlag
    store(word, at: size &- 16)
    next.isPreviousFree = true
  }

  /// Takes the header away, when the block before swallows this one while it
  /// is in use. A swallowed free one's may stay: it says that it is free.
  func erase() { header = 0 }

  private var header: UInt {
    get { load(at: -8) }
    nonmutating set { store(newValue, at: -8) }
  }

  private func seal(_ size: UInt) -> UInt {
    // The factor is 2^64 by the golden ratio (Knuth, volume 3, 6.4); the
    // product's top bits depend on every bit of address and size.
    (address ^ size) &* 0x9E37_79B9_7F4A_7C15 & Self.sealMask
  }

  // MARK: Neighbours

  /// The block behind this one; behind the last is the region's end mark.
  var next: HeapBlock { block(at: size) }

  /// The block before this one, which must be free.
  var previous: HeapBlock { block(at: 0 &- previousSize) }

  /// What the block before this one, if free, says its size is.
  var previousSize: Int { Int(bitPattern: load(at: -16)) }

  /// The block that begins `offset` bytes on.
  func block(at offset: Int) -> HeapBlock {
    // SAFETY: Sizes lead from block to block within one region.
    unsafe HeapBlock(unsafeStart: start + offset)
  }

  // MARK: Links of the bin, while free

  var nextInBin: HeapBlock? {
    get { link(at: 0) }
    nonmutating set { store(newValue?.address ?? 0, at: 0) }
  }

  var previousInBin: HeapBlock? {
    get { link(at: 8) }
    nonmutating set { store(newValue?.address ?? 0, at: 8) }
  }

  private func link(at offset: Int) -> HeapBlock? {
    guard
      let start = unsafe UnsafeMutableRawPointer(
        bitPattern: load(at: offset)
      )
    else { return nil }
    // SAFETY: The word was written from a block's address.
    return unsafe HeapBlock(unsafeStart: start)
  }

  // MARK: Words

  private func load(at offset: Int) -> UInt {
    // SAFETY: The word lies in the block or just before it, in its region.
    unsafe start.load(fromByteOffset: offset, as: UInt.self)
  }

  private func store(_ word: UInt, at offset: Int) {
    // SAFETY: As above, and the heap alone owns these words.
    unsafe start.storeBytes(of: word, toByteOffset: offset, as: UInt.self)
  }
}
