/// Which memory is for what, worked out from the firmware's map and from where
/// the linker put the image, before anything is changed.
struct MemoryPlan {
  /// Where the parts of the image are: linker.ld.
  struct Image {
    var start: UInt64
    var textEnd: UInt64
    var rodataEnd: UInt64
    var dataEnd: UInt64
    var stack: Range<UInt64>
    var trapStack: Range<UInt64>
    var end: UInt64
  }

  /// Why a machine cannot be used.
  enum Failure: Error {
    /// The firmware does not call the memory usable that the image is in.
    case imageOutsideMemory
    /// The page tables do not fit behind the image.
    case tooLittleMemory
  }

  /// Pages that are mapped to themselves, all alike.
  struct Mapping {
    var range: Range<UInt64>
    var access: PageTables.Access
  }

  /// Pages of tables beyond those, for devices' registers above 4 GiB that are
  /// mapped when they are found: three levels at most for each of a few.
  static var spareTables: UInt64 { 16 }

  private static var fourGibibytes: UInt64 { 4 << 30 }

  /// Everything that is mapped, ascending. The image has six parts, the rest
  /// of its memory and each stretch after it up to two with the gap before it,
  /// and the last is up to 4 GiB.
  private(set) var mappings = BoundedList<72, Mapping>()
  /// The pages of the tables that map it, just as many as it takes, and
  /// ``spareTables``.
  private(set) var tables: Range<UInt64> = 0..<0
  /// What is left for the heap, ascending.
  private(set) var heap = BoundedList<32, Range<UInt64>>()

  /// Plans for a machine with the memory of `map`.
  init(_ map: MemoryMap, image: Image) throws(Failure) {
    guard let homeIndex = Self.home(of: image, in: map) else {
      throw .imageOutsideMemory
    }
    let home = map.regions[homeIndex]
    // Page 0 stays absent, and so do the guards between data and stacks.
    add(PageTables.pageSize..<image.start, .readWrite)
    add(image.start..<image.textEnd, .readExecute)
    add(image.textEnd..<image.rodataEnd, .read)
    add(image.rodataEnd..<image.dataEnd, .readWrite)
    add(image.stack, .readWrite)
    add(image.trapStack, .readWrite)
    add(image.end..<home.upperBound, .readWrite)
    mapRest(of: map, after: homeIndex)

    var pages = PageTableCount()
    for index in mappings.indices { pages.add(mappings[index].range) }
    let tablesEnd =
      image.end
      + (pages.count + Self.spareTables) * PageTables.pageSize
    guard tablesEnd < home.upperBound else { throw .tooLittleMemory }
    tables = image.end..<tablesEnd
    heap.append(tablesEnd..<home.upperBound)
    for index in homeIndex + 1..<map.regions.count {
      heap.append(map.regions[index])
    }
  }

  private static func home(of image: Image, in map: MemoryMap) -> Int? {
    for index in map.regions.indices {
      let region = map.regions[index]
      if region.contains(image.start), image.end <= region.upperBound {
        return index
      }
    }
    return nil
  }

  /// Maps what lies between and behind the stretches after the image's: below
  /// 4 GiB as devices', above it as nothing.
  private mutating func mapRest(of map: MemoryMap, after home: Int) {
    var next = map.regions[home].upperBound
    for index in home + 1..<map.regions.count {
      let region = map.regions[index]
      if next < Self.fourGibibytes {
        add(next..<min(region.lowerBound, Self.fourGibibytes), .device)
      }
      add(region, .readWrite)
      next = region.upperBound
    }
    if next < Self.fourGibibytes {
      add(next..<Self.fourGibibytes, .device)
    }
  }

  private mutating func add(
    _ range: Range<UInt64>,
    _ access: PageTables.Access
  ) {
    guard !range.isEmpty else { return }
    let hasRoom = mappings.append(Mapping(range: range, access: access))
    precondition(hasRoom, "more mappings than a memory map can lead to")
  }
}
