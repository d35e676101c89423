import CPU

/// The chain of calls, read from the frames that the compiler leaves on the
/// stack. System V ABI for AMD64 §3.2.2.
///
///     rbp →  caller's rbp      bit 60 set: an async function, whose context
///            return address    is in the word below
///
/// `run-qemu.sh` turns the addresses into function, file and line.
enum CallStack {
  private static var mostFrames: Int { 64 }
  /// Swift marks the saved frame pointer of an async function with this bit.
  private static var asyncMark: UInt64 { 1 << 60 }

  /// Prints where a trap happened and the calls that led there.
  static func print(
    instruction: UInt64,
    stackPointer: UInt64,
    framePointer: UInt64
  ) {
    write(instruction)
    if !isCode(instruction), isOnStack(stackPointer) {
      // Something called what is no code: there is no frame of it, only the
      // return address that the call has pushed.
      // SAFETY: The word lies on a mapped stack.
      printAddress(load(stackPointer))
    }
    print(framePointer: framePointer)
  }

  /// Prints the return addresses from the frame at `framePointer` outwards,
  /// then those of the async functions that wait for it.
  static func print(framePointer: UInt64) {
    var frame = framePointer
    var context: UInt64 = 0
    for _ in 0..<mostFrames {
      guard isOnStack(frame) else { break }
      // SAFETY: Both words of the frame lie on a mapped stack.
      let saved = load(frame)
      let returnAddress = load(frame + 8)
      if saved & asyncMark != 0, isOnStack(frame - 8) {
        context = load(frame - 8)
        break
      }
      guard printAddress(returnAddress), saved > frame else { break }
      frame = saved
    }
    printAsync(context: context)
  }

  /// Follows an async context: its first word is the caller's context, its
  /// second where that goes on.
  private static func printAsync(context: UInt64) {
    var context = context
    for _ in 0..<mostFrames {
      guard context & 7 == 0, Memory.isUsable(context, byteCount: 16) else {
        return
      }
      // SAFETY: Both words lie in mapped memory; what they hold is only
      // printed, or checked again.
      let parent = load(context)
      let resume = load(context + 8)
      guard printAddress(resume), parent != context else { return }
      context = parent
    }
  }

  /// Prints one line of the call stack, if `address` is one of code.
  @discardableResult
  private static func printAddress(_ address: UInt64) -> Bool {
    guard isCode(address) else { return false }
    write(address)
    return true
  }

  private static func write(_ address: UInt64) {
    Console.write("  at ")
    Console.write(hexadecimal: address)
    Console.write(byte: 0x0A)
  }

  private static func isCode(_ address: UInt64) -> Bool {
    let code = UInt64(
      boot_address_of_image_start())..<UInt64(boot_address_of_text_end())
    return code.contains(address)
  }

  private static func isOnStack(_ address: UInt64) -> Bool {
    let main = UInt64(
      boot_address_of_boot_stack_bottom())..<UInt64(
      boot_address_of_boot_stack_top())
    let trap = UInt64(
      boot_address_of_trap_stack_bottom())..<UInt64(
      boot_address_of_trap_stack_top())
    return address & 7 == 0
      && (main.contains(address) || trap.contains(address))
  }

  private static func load(_ address: UInt64) -> UInt64 {
    // SAFETY: The caller has checked that the word is mapped.
    unsafe UnsafePointer<UInt64>(bitPattern: UInt(address))!.pointee
  }
}
