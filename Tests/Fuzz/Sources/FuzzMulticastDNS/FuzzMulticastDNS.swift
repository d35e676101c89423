import Fuzzing
@testable import Net
import Packets

/// What others of the link ask a responder, and claim of its name.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let input = unsafe Input(start, count)
  var play = ResponderPlay(input)
  while input.count > 0 { play.step() }
  play.end()
  return 0
}
