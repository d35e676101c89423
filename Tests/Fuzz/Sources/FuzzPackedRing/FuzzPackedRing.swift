import Fuzzing

/// A packed queue whose memory the device writes as it likes.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  unsafe RingScript(Input(start, count), isPacked: true).run()
  return 0
}
