import Fuzzing
@testable import Net
import Packets

/// Longer than any packet, which a local one need not be.
private let pool = PacketPool(capacity: 1, slotSize: 1024)

/// IPv4 headers and their options, whole and as an error quotes them.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let input = unsafe Input(start, count)
  var bytes = header(input) + input.bytes(min(input.count, 400))
  let length = Int(bytes[0] & 15) * 4
  if input.flag(), length >= 20, length <= bytes.count {
    set16(&bytes, 10, 0)
    set16(&bytes, 10, complement(sum(bytes[..<length])))
  }
  if let quoted = try? IPv4Header(quoted: bytes.rawBytes) {
    checkLengths(quoted, bytes.count)
  }
  guard var packet = pool.allocate() else { return 0 }
  packet.append(copying: bytes.rawBytes)
  guard let parsed = try? IPv4Header(parsing: packet) else { return 0 }
  checkLengths(parsed, bytes.count)
  check(parsed.totalLength <= bytes.count, "longer than it is")
  check(complement(sum(bytes[..<length])) == 0, "its checksum was wrong")
  check(!hasSourceRoute(bytes[20..<length]), "a source route was taken")
  return 0
}

/// A header of which the input says all but the version.
private func header(_ input: Input) -> [UInt8] {
  let words = 5 + input.index(below: 11)
  var bytes = input.bytes(words * 4)
  bytes[0] = input.flag() ? 0x40 | UInt8(words) : input.byte()
  if input.flag() { set16(&bytes, 2, bytes.count + input.index(below: 64)) }
  return bytes
}

private func checkLengths(_ header: IPv4Header, _ count: Int) {
  check(20...60 ~= header.length, "a header of \(header.length) bytes")
  check(header.length % 4 == 0, "a header of \(header.length) bytes")
  check(header.length <= count, "a header that is cut short")
  check(header.length <= header.totalLength, "longer than the datagram")
}

/// RFC 791 §3.1, walked once more.
private func hasSourceRoute(_ options: ArraySlice<UInt8>) -> Bool {
  var rest = options
  while let kind = rest.first, kind != 0 {
    if kind == 131 || kind == 137 { return true }
    let length = kind == 1 ? 1 : Int(rest.dropFirst().first ?? 0)
    check(kind == 1 || length >= 2, "an option of \(length) bytes was taken")
    check(length <= rest.count, "an option that is cut short was taken")
    rest = rest.dropFirst(length)
  }
  return false
}
