import CPU

/// The chain of calls, read from the frames that the compiler leaves on the
/// stack. System V ABI for AMD64 §3.2.2.
///
///     rbp →  caller's rbp
///            return address
///
/// `run-qemu.sh` turns the addresses into function, file and line. What an
/// async function was called from is not on the stack: its frame stands on the
/// executor's.
enum CallStack {
  private static var mostFrames: Int { 64 }

  /// Prints where a trap happened, and the calls that led there.
  static func print(
    from address: UInt64,
    stackPointer: UInt64,
    framePointer: UInt64
  ) {
    var address = address
    if !isCode(address), isOnStack(stackPointer) {
      // What was called is no code and has made no frame yet. The return
      // address on top of the stack tells the call, which ends before it.
      // SAFETY: The word lies on a mapped stack.
      let pointer = unsafe UnsafePointer<UInt64>(
        bitPattern: UInt(stackPointer)
      )!
      address = unsafe pointer.pointee &- 1
    }
    print(from: address, framePointer: framePointer)
  }

  /// Prints `address`, where the machine was, and the return addresses from
  /// the frame at `framePointer` outwards.
  static func print(from address: UInt64, framePointer: UInt64) {
    printAddress(address)
    var frame = framePointer
    for _ in 0..<mostFrames {
      guard isOnStack(frame) else { return }
      // SAFETY: Both words of the frame lie on a mapped stack.
      let words = unsafe UnsafePointer<UInt64>(bitPattern: UInt(frame))!
      let (saved, returnAddress) = unsafe (words[0], words[1])
      guard printAddress(returnAddress), saved > frame else { return }
      frame = saved
    }
  }

  /// Prints one line of the call stack, if `address` is one of code.
  @discardableResult
  private static func printAddress(_ address: UInt64) -> Bool {
    guard isCode(address) else { return false }
    Console.write("  at ")
    Console.write(hexadecimal: address)
    Console.write(byte: 0x0A)
    return true
  }

  private static func isCode(_ address: UInt64) -> Bool {
    let code =
      UInt64(
        boot_address_of_image_start()
      )..<UInt64(boot_address_of_text_end())
    return code.contains(address)
  }

  private static func isOnStack(_ address: UInt64) -> Bool {
    let main =
      UInt64(
        boot_address_of_boot_stack_bottom()
      )..<UInt64(
        boot_address_of_boot_stack_top()
      )
    let trap =
      UInt64(
        boot_address_of_trap_stack_bottom()
      )..<UInt64(
        boot_address_of_trap_stack_top()
      )
    return address & 7 == 0
      && (main.contains(address) || trap.contains(address))
  }
}
