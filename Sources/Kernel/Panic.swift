import CPU

/// Ends the machine because it cannot go on: says why, where, and by which call
/// stack, and exits with 1. Needs no heap.
func panic(
  _ message: StaticString,
  file: StaticString = #fileID,
  line: UInt = #line
) -> Never {
  Console.write("panic: ")
  Console.write(message)
  Console.write(" (")
  Console.write(file)
  Console.write(":")
  Console.write(decimal: UInt64(line))
  Console.print(")")
  CallStack.print(
    from: UInt64(cpu_instruction_pointer()),
    framePointer: UInt64(cpu_frame_pointer())
  )
  Power.off(.panic)
}
