import Fuzzing

/// Groups that are joined and left while routers and others speak of them, in
/// every version, and in none.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let input = unsafe Input(start, count)
  GroupPlay(input).run()
  return 0
}
