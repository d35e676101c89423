/// Up to `capacity` values in their order, in place: a list for before there is
/// a heap.
struct BoundedList<let capacity: Int, Element> {
  private var slots: InlineArray<capacity, Element?> = .init(repeating: nil)
  /// How many values there are.
  private(set) var count = 0

  /// An empty list.
  init() {}

  /// Puts `element` behind the others.
  ///
  /// - Returns: Whether there was room; if not, nothing has changed.
  @discardableResult
  mutating func append(_ element: Element) -> Bool {
    guard count < capacity else { return false }
    slots[count] = element
    count += 1
    return true
  }

  /// The value at `index`, from 0.
  ///
  /// - Precondition: `index` is less than ``count``.
  subscript(index: Int) -> Element { slots[index]! }

  /// The positions of the values.
  var indices: Range<Int> { 0..<count }
}
