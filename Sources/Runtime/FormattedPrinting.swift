#if hasFeature(Embedded)
  // The concurrency library writes its messages with these. On the host there
  // is a C library that has them.

  /// Writes to the console; returns how many bytes. ISO C §7.21.6.10.
  @c(vprintf)
  public func vprintf(
    _ format: UnsafePointer<UInt8>,
    _ arguments: UnsafeMutableRawPointer
  ) -> CInt {
    var count: CInt = 0
    unsafe FormattedText.write(
      format,
      VariableArguments(list: arguments)
    ) { byte in
      _ = putchar(CInt(byte))
      count += 1
    }
    return count
  }

  /// Writes at most `size - 1` bytes and a zero; returns how many all would be.
  /// ISO C §7.21.6.12.
  @c(vsnprintf)
  public func vsnprintf(
    _ buffer: UnsafeMutablePointer<UInt8>?,
    _ size: Int,
    _ format: UnsafePointer<UInt8>,
    _ arguments: UnsafeMutableRawPointer
  ) -> CInt {
    CInt(
      unsafe FormattedText.write(
        format,
        VariableArguments(list: arguments),
        into: buffer,
        size: size
      )
    )
  }
#endif
