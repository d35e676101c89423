/// Things that no program should do, one function each, not inlined, so that
/// the call stack names it.
enum Faults {
  @inline(never)
  static func overflow() {
    var sum = UInt8.max
    for _ in 0..<opaque(3) { sum += 1 }
    _ = opaque(Int(sum))
  }

  @inline(never)
  static func outOfBounds() {
    let numbers = [1, 2, 3]
    _ = opaque(numbers[opaque(3)])
  }

  @inline(never)
  static func writeToNull() {
    let address = UInt(opaque(8))
    unsafe UnsafeMutablePointer<UInt64>(bitPattern: address)!.pointee = 1
  }

  @inline(never)
  static func writeToCode() {
    let code: @convention(c) () -> Void = {}
    let pointer = unsafe unsafeBitCast(
      code,
      to: UnsafeMutablePointer<UInt8>.self
    )
    unsafe pointer.pointee = 0
  }

  @inline(never)
  static func executeData() {
    let data = UnsafeMutablePointer<UInt8>.allocate(capacity: 16)
    unsafe data.initialize(repeating: 0xC3, count: 16)
    let code = unsafe unsafeBitCast(data, to: (@convention(c) () -> Void).self)
    code()
    // Work behind the call keeps it from becoming a jump, which leaves no frame.
    unsafe data.deallocate()
  }

  @inline(never)
  static func useUpStack() {
    _ = opaque(recurse(opaque(1)))
  }

  @inline(never)
  private static func recurse(_ depth: Int) -> Int {
    // The addition behind the call keeps it from becoming a loop.
    depth == opaque(0) ? 0 : recurse(opaque(depth + 1)) + opaque(depth)
  }

  @inline(never)
  static func useUpMemory() {
    var blocks: [[UInt8]] = []
    while true { blocks.append([UInt8](repeating: 1, count: 1 << 20)) }
  }

  /// `value`, in a way that the compiler cannot see through.
  @inline(never)
  @_optimize(none)
  private static func opaque(_ value: Int) -> Int { value }
}
