/// `printf`'s conversions, as far as the concurrency library's messages need
/// them: %s %.*s %d %i %u %x %p %c %%, with the length marks l, ll and z. What is
/// not among these is written as it stands, and takes no argument.
enum FormattedText {
  /// Writes `format` with its conversions replaced, byte by byte.
  ///
  /// SAFETY: `format` and what `%s` takes end with a zero, and there are as many
  /// arguments as conversions: C's contract, which nothing here can check.
  @unsafe
  static func write(
    _ format: UnsafePointer<UInt8>,
    _ arguments: VariableArguments,
    to write: (UInt8) -> Void
  ) {
    var next = unsafe format
    while unsafe next.pointee != 0 {
      let start = unsafe next
      unsafe next += 1
      guard unsafe start.pointee == UInt8(ascii: "%") else {
        unsafe write(start.pointee)
        continue
      }
      // "%.*s" is how the library writes text that has no zero at its end.
      if unsafe next.pointee == UInt8(ascii: "."),
        unsafe next[1] == UInt8(ascii: "*"),
        unsafe next[2] == UInt8(ascii: "s")
      {
        unsafe next += 3
        let most = unsafe Int32(truncatingIfNeeded: arguments.next())
        // ISO C §7.21.6.1: a negative precision is as none.
        unsafe writeText(arguments, most: most < 0 ? .max : Int(most), write)
        continue
      }
      var isLong = false
      while unsafe next.pointee == UInt8(ascii: "l")
        || next.pointee == UInt8(ascii: "z")
      {
        isLong = true
        unsafe next += 1
      }
      let conversion = unsafe next.pointee
      if conversion != 0 { unsafe next += 1 }
      let isKnown = unsafe convert(conversion, isLong, arguments, write)
      if !isKnown {
        for offset in 0..<(unsafe next - start) {
          unsafe write(start[offset])
        }
      }
    }
  }

  /// Writes the next argument as `conversion` says; whether it is one of ours.
  private static func convert(
    _ conversion: UInt8,
    _ isLong: Bool,
    _ arguments: VariableArguments,
    _ write: (UInt8) -> Void
  ) -> Bool {
    switch conversion {
    case UInt8(ascii: "%"):
      write(conversion)
    case UInt8(ascii: "c"):
      unsafe write(UInt8(truncatingIfNeeded: arguments.next()))
    case UInt8(ascii: "s"):
      unsafe writeText(arguments, most: .max, write)
    case UInt8(ascii: "d"), UInt8(ascii: "i"):
      let word = unsafe arguments.next()
      let value =
        isLong
        ? Int64(bitPattern: word) : Int64(Int32(truncatingIfNeeded: word))
      if value < 0 { write(UInt8(ascii: "-")) }
      self.write(value.magnitude, radix: 10, to: write)
    case UInt8(ascii: "u"):
      let word = unsafe arguments.next()
      self.write(isLong ? word : word & 0xFFFF_FFFF, radix: 10, to: write)
    case UInt8(ascii: "x"):
      let word = unsafe arguments.next()
      self.write(isLong ? word : word & 0xFFFF_FFFF, radix: 16, to: write)
    case UInt8(ascii: "p"):
      write(UInt8(ascii: "0"))
      write(UInt8(ascii: "x"))
      unsafe self.write(arguments.next(), radix: 16, to: write)
    default:
      return false
    }
    return true
  }

  /// Writes the text that the next argument points at, to its zero, but at
  /// most `most` bytes of it.
  private static func writeText(
    _ arguments: VariableArguments,
    most: Int,
    _ write: (UInt8) -> Void
  ) {
    let address = unsafe UInt(arguments.next())
    guard let text = unsafe UnsafePointer<UInt8>(bitPattern: address) else {
      return
    }
    var count = 0
    while unsafe count < most && text[count] != 0 {
      unsafe write(text[count])
      count += 1
    }
  }

  private static func write(
    _ value: UInt64,
    radix: UInt64,
    to write: (UInt8) -> Void
  ) {
    if value >= radix { self.write(value / radix, radix: radix, to: write) }
    let digit = UInt8(value % radix)
    write(
      digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10
    )
  }

  /// Writes at most `size - 1` bytes and a zero; returns how many all would be,
  /// without the zero. ISO C §7.21.6.12 (vsnprintf).
  ///
  /// SAFETY: As for `write`; `buffer`, if there is one, has `size` bytes.
  @unsafe
  static func write(
    _ format: UnsafePointer<UInt8>,
    _ arguments: VariableArguments,
    into buffer: UnsafeMutablePointer<UInt8>?,
    size: Int
  ) -> Int {
    var count = 0
    unsafe write(format, arguments) { byte in
      if count < size - 1 { unsafe buffer?[count] = byte }
      count += 1
    }
    if size > 0 { unsafe buffer?[min(count, size - 1)] = 0 }
    return count
  }
}
