#if hasFeature(Embedded)
  // `vprintf` and `vsnprintf`, as far as the concurrency library's messages
  // need them: %s %d %i %u %x %p %c %%, with the length marks l, ll and z. A
  // conversion that is not among these is written as it stands.

  /// The arguments of a variadic C function. System V ABI for AMD64 §3.5.7.
  @unsafe
  private struct VariableArguments {
    let list: UnsafeMutableRawPointer

    private enum Field {
      static let registerOffset = 0
      static let overflowArea = 8
      static let registerArea = 16
      /// Six general registers of eight bytes.
      static let registersEnd: UInt32 = 48
    }

    /// The next argument that is an integer or a pointer.
    func next() -> UInt64 {
      // SAFETY: The caller of the variadic function laid the list out so.
      let offset = unsafe list.load(
        fromByteOffset: Field.registerOffset,
        as: UInt32.self
      )
      if offset < Field.registersEnd {
        unsafe list.storeBytes(of: offset + 8, as: UInt32.self)
        let area = unsafe list.load(
          fromByteOffset: Field.registerArea,
          as: UnsafeRawPointer.self
        )
        return unsafe area.load(
          fromByteOffset: Int(offset),
          as: UInt64.self
        )
      }
      let area = unsafe list.load(
        fromByteOffset: Field.overflowArea,
        as: UnsafeRawPointer.self
      )
      unsafe list.storeBytes(
        of: area + 8,
        toByteOffset: Field.overflowArea,
        as: UnsafeRawPointer.self
      )
      return unsafe area.load(as: UInt64.self)
    }
  }

  /// Writes `format` with its conversions replaced, byte by byte.
  private func print(
    _ format: UnsafePointer<UInt8>,
    _ arguments: VariableArguments,
    to write: (UInt8) -> Void
  ) {
    var next = unsafe format
    while unsafe next.pointee != 0 {
      let byte = unsafe next.pointee
      unsafe next += 1
      guard byte == UInt8(ascii: "%") else {
        write(byte)
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
      guard conversion != 0 else { return }
      unsafe next += 1
      switch conversion {
      case UInt8(ascii: "%"):
        write(conversion)
      case UInt8(ascii: "c"):
        unsafe write(UInt8(truncatingIfNeeded: arguments.next()))
      case UInt8(ascii: "s"):
        let address = unsafe UInt(arguments.next())
        var text = unsafe UnsafePointer<UInt8>(bitPattern: address)
        while let byte = unsafe text?.pointee, byte != 0 {
          write(byte)
          unsafe text! += 1
        }
      case UInt8(ascii: "d"), UInt8(ascii: "i"):
        let word = unsafe arguments.next()
        let value =
          isLong
          ? Int64(bitPattern: word) : Int64(Int32(truncatingIfNeeded: word))
        if value < 0 { write(UInt8(ascii: "-")) }
        print(value.magnitude, radix: 10, to: write)
      case UInt8(ascii: "u"):
        let word = unsafe arguments.next()
        print(isLong ? word : word & 0xFFFF_FFFF, radix: 10, to: write)
      case UInt8(ascii: "x"):
        let word = unsafe arguments.next()
        print(isLong ? word : word & 0xFFFF_FFFF, radix: 16, to: write)
      case UInt8(ascii: "p"):
        write(UInt8(ascii: "0"))
        write(UInt8(ascii: "x"))
        unsafe print(arguments.next(), radix: 16, to: write)
      default:
        write(byte)
        write(conversion)
      }
    }
  }

  private func print(
    _ value: UInt64,
    radix: UInt64,
    to write: (UInt8) -> Void
  ) {
    if value >= radix { print(value / radix, radix: radix, to: write) }
    let digit = UInt8(value % radix)
    write(
      digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10
    )
  }

  @c(vprintf)
  public func vprintf(
    _ format: UnsafePointer<UInt8>,
    _ arguments: UnsafeMutableRawPointer
  ) -> CInt {
    var count: CInt = 0
    unsafe print(format, VariableArguments(list: arguments)) { byte in
      _ = putchar(CInt(byte))
      count += 1
    }
    return count
  }

  /// Writes at most `size - 1` bytes and a zero; returns how many all would be.
  @c(vsnprintf)
  public func vsnprintf(
    _ buffer: UnsafeMutablePointer<UInt8>?,
    _ size: Int,
    _ format: UnsafePointer<UInt8>,
    _ arguments: UnsafeMutableRawPointer
  ) -> CInt {
    var count = 0
    unsafe print(format, VariableArguments(list: arguments)) { byte in
      if count < size - 1 { unsafe buffer?[count] = byte }
      count += 1
    }
    if size > 0 { unsafe buffer?[min(count, size - 1)] = 0 }
    return CInt(count)
  }
#endif
