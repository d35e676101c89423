#if hasFeature(Embedded)
  // The concurrency library writes its messages with these. On the host there
  // is a C library that has them.

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
