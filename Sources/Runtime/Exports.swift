#if hasFeature(Embedded)
  // What Embedded Swift and its concurrency library ask of a C library. On the
  // host there is one, and these would replace it.

  private func allocate(_ byteCount: Int, alignment: Int)
    -> UnsafeMutableRawPointer
  {
    guard
      let block = unsafe MachineHeap.heap.allocate(
        byteCount: byteCount,
        alignment: alignment
      )
    else {
      unsafe Platform.current!.panic(
        "out of memory: give the machine more (run-qemu.sh --memory MiB)"
      )
    }
    return unsafe block
  }

  /// Memory for `byteCount` bytes, aligned to 16. Panics when there is none.
  @c(runtime_malloc)
  public func runtimeMalloc(_ byteCount: Int) -> UnsafeMutableRawPointer? {
    unsafe allocate(byteCount, alignment: 16)
  }

  /// `linker.ld` calls the two `malloc` and `free`.
  @c(runtime_free)
  public func runtimeFree(_ block: UnsafeMutableRawPointer?) {
    guard let block = unsafe block else { return }
    unsafe MachineHeap.heap.free(block)
  }

  /// Returns 0, or EINVAL (22) when `alignment` is no power of two.
  @c(posix_memalign)
  public func posixMemalign(
    _ result: UnsafeMutablePointer<UnsafeMutableRawPointer?>,
    _ alignment: Int,
    _ byteCount: Int
  ) -> CInt {
    guard alignment > 0, alignment & (alignment - 1) == 0 else { return 22 }
    unsafe result.pointee = allocate(byteCount, alignment: max(alignment, 16))
    return 0
  }

  /// The bytes that `block` really has. Array grows into them, so it must not
  /// be a guess.
  @c(malloc_usable_size)
  public func mallocUsableSize(_ block: UnsafeMutableRawPointer?) -> Int {
    guard let block = unsafe block else { return 0 }
    return unsafe MachineHeap.heap.usableSize(of: block)
  }

  /// Ends the machine.
  @c(abort)
  public func abort() {
    unsafe Platform.current!.panic("abort")
  }

  /// Writes one byte to the console.
  @c(putchar)
  public func putchar(_ character: CInt) -> CInt {
    unsafe Platform.current!.writeByte(UInt8(truncatingIfNeeded: character))
    return character
  }

  /// Writes a zero-terminated text and a line feed to the console.
  @c(puts)
  public func puts(_ text: UnsafePointer<CChar>) -> CInt {
    var next = unsafe text
    while unsafe next.pointee != 0 {
      _ = unsafe putchar(CInt(next.pointee))
      unsafe next += 1
    }
    return putchar(0x0A)
  }

  /// Fills the buffer with random bytes; hash tables take their seed from it.
  @c(arc4random_buf)
  public func arc4randomBuffer(
    _ buffer: UnsafeMutableRawPointer,
    _ byteCount: Int
  ) {
    for offset in 0..<byteCount {
      let byte = unsafe UInt8(truncatingIfNeeded: Platform.current!.random())
      unsafe buffer.storeBytes(of: byte, toByteOffset: offset, as: UInt8.self)
    }
  }

  /// The least whole number that is not below `value`; hash tables ask for it.
  /// Not by `rounded(.up)`: without SSE4.1 that would call this.
  @c(ceil)
  public func ceil(_ value: Double) -> Double {
    // Beyond 2^52 all doubles are whole, and NaN compares false.
    guard value.magnitude < 4_503_599_627_370_496 else { return value }
    let whole = Double(Int64(value))
    return whole < value ? whole + 1 : whole
  }
#endif
