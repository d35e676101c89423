import BasicContainers

/// The slots of all connections, in pages: a new page moves no slot, and none is
/// ever moved.
struct SlotPages: ~Copyable {
  /// A power of two, so that a place is found with a shift.
  private static let shift = 6
  /// Slots of a page, 48 KiB at the most.
  static let slotsPerPage = 1 << shift

  private var pages = UniqueArray<UniqueArray<TCP.Slot>>()
  /// How many slots there are.
  private(set) var count = 0

  subscript(index: Int) -> TCP.Slot {
    _read {
      yield pages[index &>> Self.shift][index & (Self.slotsPerPage - 1)]
    }
    _modify {
      yield &pages[index &>> Self.shift][index & (Self.slotsPerPage - 1)]
    }
  }

  mutating func append(_ slot: consuming TCP.Slot) {
    if count == pages.count * Self.slotsPerPage {
      pages.append(UniqueArray(minimumCapacity: Self.slotsPerPage))
    }
    pages[pages.count - 1].append(slot)
    count += 1
  }
}
