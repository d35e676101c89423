/// Elements that stay where they are, in pages of 64: room for more is a new
/// page and moves none, so that adding one costs the same however many there
/// are, and no allocation is larger than a page.
///
///     directory    | page | page | page |   |   |
///                     |      |      |
///                  64 elements each, the last page filled up to `count`
///
/// The directory is as large from the start as it ever needs to be.
@safe
public struct PagedArray<Element: ~Copyable>: ~Copyable {
  @usableFromInline
  let directory: UnsafeMutableBufferPointer<UnsafeMutablePointer<Element>?>
  /// How many elements there are.
  public private(set) var count = 0

  /// Elements of a page.
  @inlinable
  public static var elementsPerPage: Int { 64 }

  /// No elements yet, and room for `limit`.
  ///
  /// - Precondition: `limit` is positive.
  public init(limit: Int) {
    precondition(limit > 0)
    let pages =
      (limit + Self.elementsPerPage - 1) / Self.elementsPerPage
    unsafe directory = .allocate(capacity: pages)
    unsafe directory.initialize(repeating: nil)
  }

  deinit {
    var rest = count
    var index = 0
    while rest > 0 {
      // SAFETY: As many pages as elements need were allocated, and as many of
      // their elements initialized.
      let page = unsafe directory[index]!
      let held = min(rest, Self.elementsPerPage)
      unsafe page.deinitialize(count: held)
      unsafe page.deallocate()
      rest -= held
      index += 1
    }
    unsafe directory.deallocate()
  }

  /// The element at `index`.
  ///
  /// - Precondition: There is one.
  @inlinable
  public subscript(index: Int) -> Element {
    @inline(__always)
    unsafeAddress {
      unsafe UnsafePointer(place(index))
    }
    @inline(__always)
    unsafeMutableAddress {
      unsafe place(index)
    }
  }

  @inlinable
  @inline(__always)
  func place(_ index: Int) -> UnsafeMutablePointer<Element> {
    precondition(index >= 0 && index < count)
    // SAFETY: There is such an element, by the precondition, and so its page.
    return unsafe directory[index &>> 6]! + (index & 63)
  }

  /// Adds an element behind the others.
  ///
  /// - Precondition: There is room.
  public mutating func append(_ element: consuming Element) {
    let page = count / Self.elementsPerPage
    if count % Self.elementsPerPage == 0 {
      // SAFETY: The pages before are full, and this one is not there yet; the
      // directory checks that there is a place for it.
      unsafe directory[page] = .allocate(capacity: Self.elementsPerPage)
    }
    // SAFETY: The place is in the last page, behind its elements.
    unsafe (directory[page]! + count % Self.elementsPerPage)
      .initialize(to: element)
    count += 1
  }
}
