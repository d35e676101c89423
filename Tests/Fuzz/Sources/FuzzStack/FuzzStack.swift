import Fuzzing

/// The stack behind an Ethernet that the input speaks on: connections whose
/// handshakes succeed, and then anything.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let input = unsafe Input(start, count)
  StackPlay(input).run()
  return 0
}
