import Fuzzing
@testable import Net
import Packets

/// What DNS servers answer to a question, and others who are not asked: over
/// UDP, and over TCP in pieces; what is learnt goes through a cache.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let input = unsafe Input(start, count)
  var play = QueryPlay(input)
  play.run()
  checkName(input)
  return 0
}

/// What is read of any bytes as a name is a name.
private func checkName(_ input: Input) {
  let bytes = input.bytes(min(input.count, 600))
  var offset = min(Int(input.byte()), bytes.count)
  let start = offset
  guard let name = try? DNSName(parsing: bytes.rawBytes, at: &offset) else {
    return
  }
  check(offset > start && offset <= bytes.count, "it ends at \(offset)")
  check(name.bytes.count <= 255, "a name of \(name.bytes.count) bytes")
  var again = 0
  let copy = try? DNSName(parsing: name.bytes.rawBytes, at: &again)
  check(copy == name && again == name.bytes.count, "it is read as another")
  // Names that text can write come back.
  let isPlain = name.bytes.allSatisfy { $0 != 0x2E }
  if isPlain, let other = DNSName(name.text), !name.text.contains("?") {
    check(other == name, "\(name.text) is another")
  }
}
