/// Elements that stay where they are, in pages of 64: room for more is a new
/// page and moves none, so that adding one costs the same however many there
/// are, and no allocation is larger than a page.
///
///     directory    | page | page | page |   |   |
///                     |      |      |
///                  64 elements each, the last page filled up to `count`
///
/// The directory is as large from the start as it ever needs to be, or, where
/// that is not known, doubles: it has a word for 64 elements.
@safe
public struct PagedArray<Element: ~Copyable>: ~Copyable {
  @usableFromInline
  private(set) var directory:
    UnsafeMutableBufferPointer<UnsafeMutablePointer<Element>?>
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

  /// No elements yet, and room for any number; no memory is held.
  public init() {
    unsafe directory = UnsafeMutableBufferPointer(start: nil, count: 0)
  }

  deinit {
    var rest = count
    // SAFETY: As many pages as elements need, and perhaps one more, were
    // allocated, and as many of their elements initialized.
    for index in unsafe directory.indices {
      guard let page = unsafe directory[index] else { break }
      let held = min(rest, Self.elementsPerPage)
      unsafe page.deinitialize(count: held)
      unsafe page.deallocate()
      rest -= held
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
  public mutating func append(_ element: consuming Element) {
    let page = count / Self.elementsPerPage
    if count % Self.elementsPerPage == 0 { makePage(page) }
    // SAFETY: The place is in the last page, behind its elements.
    unsafe (directory[page]! + count % Self.elementsPerPage)
      .initialize(to: element)
    count += 1
  }

  /// Takes the last element out.
  ///
  /// - Precondition: There is one.
  public mutating func removeLast() -> Element {
    precondition(count > 0)
    count -= 1
    let page = count / Self.elementsPerPage
    // SAFETY: The place has an element, which nobody finds any more. Of the
    // pages behind it the first is kept, so that an array whose size goes up
    // and down by one at a page's end does not allocate.
    let element = unsafe (directory[page]! + count % Self.elementsPerPage)
      .move()
    if count % Self.elementsPerPage == 0, unsafe page + 1 < directory.count,
      let unused = unsafe directory[page + 1]
    {
      unsafe unused.deallocate()
      unsafe directory[page + 1] = nil
    }
    return element
  }

  private mutating func makePage(_ page: Int) {
    if unsafe page == directory.count { growDirectory() }
    // SAFETY: The pages before are full, and the directory has a place for
    // this one.
    guard unsafe directory[page] == nil else { return }
    unsafe directory[page] = .allocate(capacity: Self.elementsPerPage)
  }

  private mutating func growDirectory() {
    let count = unsafe directory.count
    // SAFETY: The new one takes over the pages of the old, which ends.
    let larger = UnsafeMutableBufferPointer<
      UnsafeMutablePointer<Element>?
    >.allocate(capacity: max(2 * count, 8))
    unsafe larger.initialize(repeating: nil)
    for index in 0..<count {
      unsafe larger[index] = unsafe directory[index]
    }
    unsafe directory.deallocate()
    unsafe directory = unsafe larger
  }
}

// SAFETY: The array owns its elements alone.
extension PagedArray: @unchecked Sendable where Element: Sendable & ~Copyable {}
