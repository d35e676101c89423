import CPU

/// Exceptions: each ends the machine with a report. SDM 3A chapter 6.
enum Traps {
  private static var codeSelector: UInt64 { 0x08 }
  /// Present, privilege 0, 64-bit interrupt gate: interrupts off inside.
  private static var interruptGate: UInt64 { 0x8E }
  private static var exceptionCount: Int { 32 }

  /// Fills the interrupt table and the task state segment and loads both.
  static func initialize() {
    // SAFETY: The tables are Boot's, of these sizes, and used by nobody yet.
    let stubs = unsafe UnsafePointer<UInt64>(
      bitPattern: boot_address_of_trap_stubs()
    )!
    let table = unsafe UnsafeMutablePointer<UInt64>(
      bitPattern: boot_address_of_idt()
    )!
    for vector in 0..<256 {
      let stub = unsafe stubs[vector]
      // Exceptions run on a stack of their own: the fault may be that the
      // other one is used up.
      let stackTable: UInt64 = vector < exceptionCount ? 1 : 0
      // SDM 3A §6.14.1.
      let low = stub & 0xFFFF | codeSelector << 16 | stackTable << 32
      unsafe table[vector * 2] =
        low | interruptGate << 40 | (stub >> 16 & 0xFFFF) << 48
      unsafe table[vector * 2 + 1] = stub >> 32
    }

    let segment = boot_address_of_task_state_segment()
    // SDM 3A §8.7: interrupt stack 1 at byte 36, in two halves of 32 bits;
    // the port map's offset at byte 102, beyond the limit: there is none.
    let stack = UInt64(boot_address_of_trap_stack_top())
    cpu_store32(segment + 36, UInt32(truncatingIfNeeded: stack))
    cpu_store32(segment + 40, UInt32(truncatingIfNeeded: stack >> 32))
    cpu_store16(segment + 102, 104)

    // SDM 3A §8.2.3: an available 64-bit task state segment, present.
    let base = UInt64(segment)
    let descriptors = unsafe UnsafeMutablePointer<UInt64>(
      bitPattern: boot_address_of_gdt()
    )!
    unsafe descriptors[3] =
      103 | (base & 0xFF_FFFF) << 16 | 0x89 << 40 | (base >> 24 & 0xFF) << 56
    unsafe descriptors[4] = base >> 32
    traps_load()
  }

  /// SDM 3A table 6-1.
  private static func name(_ vector: UInt64) -> StaticString {
    switch vector {
    case 0: "divide error"
    case 1: "debug exception"
    case 2: "non-maskable interrupt"
    case 3: "breakpoint"
    case 4: "overflow"
    case 5: "bound range exceeded"
    case 6: "invalid opcode"
    case 7: "device not available"
    case 8: "double fault"
    case 10: "invalid task state segment"
    case 11: "segment not present"
    case 12: "stack-segment fault"
    case 13: "general protection"
    case 14: "page fault"
    case 16: "x87 floating-point error"
    case 17: "alignment check"
    case 18: "machine check"
    case 19: "SIMD floating-point exception"
    case 20: "virtualization exception"
    case 21: "control protection exception"
    default: "reserved exception"
    }
  }

  private static var invalidOpcode: UInt64 { 6 }
  private static var pageFault: UInt64 { 14 }

  /// Whether a report is being written, so that a trap in it ends it.
  nonisolated(unsafe) private static var isReporting = false

  /// Says what happened and ends the machine.
  static func report(_ frame: trap_frame) -> Never {
    // SAFETY: One core, interrupts off.
    if unsafe isReporting {
      Console.print("panic: a trap while reporting a trap")
      Power.off(.panic)
    }
    unsafe isReporting = true

    Console.write("panic: ")
    Console.write(name(frame.vector))
    if frame.vector == invalidOpcode, isSwiftTrap(at: frame.rip) {
      // `ud2` is what the compiler emits for a failed check.
      Console.write(
        ": a Swift runtime failure (overflow, bounds, unwrapped nil,"
          + " precondition or fatalError)"
      )
    }
    let address = cpu_read_cr2()
    if frame.vector == pageFault { explain(address, frame.error_code) }
    Console.write(", error code ")
    Console.write(hexadecimal: frame.error_code)
    Console.write(byte: 0x0A)

    Console.write("  rip ")
    Console.write(hexadecimal: frame.rip)
    register(" rsp ", frame.rsp)
    register(" rflags ", frame.rflags)
    register("\n  rax ", frame.rax)
    register(" rbx ", frame.rbx)
    register(" rcx ", frame.rcx)
    register("\n  rdx ", frame.rdx)
    register(" rsi ", frame.rsi)
    register(" rdi ", frame.rdi)
    register("\n  rbp ", frame.rbp)
    register("  r8 ", frame.r8)
    register("  r9 ", frame.r9)
    register("\n  r10 ", frame.r10)
    register(" r11 ", frame.r11)
    register(" r12 ", frame.r12)
    register("\n  r13 ", frame.r13)
    register(" r14 ", frame.r14)
    register(" r15 ", frame.r15)
    register("\n  cr2 ", address)
    register("  cs ", frame.cs)
    register("  ss ", frame.ss)
    Console.write(byte: 0x0A)

    CallStack.print(
      from: frame.rip,
      stackPointer: frame.rsp,
      framePointer: frame.rbp
    )
    Power.off(.panic)
  }

  private static func register(_ name: StaticString, _ value: UInt64) {
    Console.write(name)
    Console.write(hexadecimal: value)
  }

  /// Whether the instruction at `address` is `ud2`, bytes 0F 0B.
  private static func isSwiftTrap(at address: UInt64) -> Bool {
    let code =
      UInt64(
        boot_address_of_image_start()
      )..<UInt64(boot_address_of_text_end())
    guard code.contains(address) else { return false }
    return cpu_load8(UInt(address)) == 0x0F
      && cpu_load8(UInt(address) + 1) == 0x0B
  }

  /// SDM 3A §4.7: bit 0 of the error code is set when the page is present, bit
  /// 1 for a write, bit 4 for an instruction fetch.
  private static func explain(_ address: UInt64, _ errorCode: UInt64) {
    if errorCode & 1 << 4 != 0 {
      Console.write(" fetching an instruction from ")
    } else if errorCode & 1 << 1 != 0 {
      Console.write(" writing to ")
    } else {
      Console.write(" reading from ")
    }
    Console.write(hexadecimal: address)
    let guardPage = UInt64(boot_address_of_stack_guard())
    if (guardPage..<guardPage + 4096).contains(address) {
      Console.write(": the stack is used up")
    } else if address < 4096 {
      Console.write(": a null pointer")
    } else if errorCode & 1 != 0 {
      Console.write(": the page does not allow it")
    }
  }
}

/// Where the exception stubs of `Boot/traps.asm` lead. `frame` is the address
/// of a `trap_frame` on the trap stack.
@c(kernel_trap)
public func kernelTrap(_ frame: UInt) {
  // SAFETY: The stub has just written the frame there.
  unsafe Traps.report(
    UnsafePointer<trap_frame>(bitPattern: frame)!.pointee
  )
}
