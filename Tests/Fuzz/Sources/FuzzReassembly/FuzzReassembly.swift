import Fuzzing

/// Datagrams in parts, which the input cuts, shuffles, repeats, leaves out and
/// forges: what comes out of them is what was sent, and nothing stays.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let input = unsafe Input(start, count)
  ReassemblyPlay(input).run()
  return 0
}
