import Fuzzing
@testable import Net
import Packets

/// Longer than any packet, which a local one need not be.
private let pool = PacketPool(capacity: 1, slotSize: 256)

/// TCP headers and their options: what is read is what another walk reads, and
/// what is written is read again as it was.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let input = unsafe Input(start, count)
  var bytes = input.bytes(20)
  let options = input.bytes(min(input.count, 40) & ~3)
  if input.flag() { bytes[12] = UInt8(5 + options.count / 4) << 4 }
  bytes += options
  guard let header = try? TCPHeader(parsing: bytes.rawBytes) else { return 0 }
  let length = Int(bytes[12] >> 4) * 4
  check(20...bytes.count ~= length, "a header of \(length) bytes was taken")
  let seen = Walk(bytes[20..<length])
  let read = header.options
  check(read.isMalformed == seen.isMalformed, "malformed")
  check(read.maximumSegmentSize == seen.maximumSegmentSize, "segment size")
  check(read.windowScale == seen.windowScale, "window scale")
  check(read.isSACKPermitted == seen.isSACKPermitted, "SACK permitted")
  check(read.timestamp?.value == seen.timestamp, "timestamp")
  check(read.blockCount == seen.blocks, "\(read.blockCount) blocks")
  writeAgain(header)
  return 0
}

/// Writes the options and reads them: the same, where they fit.
private func writeAgain(_ header: TCPHeader) {
  let length = header.length
  guard length <= 60 else { return }
  guard var packet = pool.allocate() else { return }
  packet.append(length)
  var target = packet.mutableBytes
  header.write(to: &target)
  guard let again = try? TCPHeader(parsing: packet.bytes) else {
    fatalError("what was written cannot be read")
  }
  check(
    again.options.maximumSegmentSize == header.options.maximumSegmentSize,
    "MSS"
  )
  check(again.options.windowScale == header.options.windowScale, "scale")
  check(again.options.isSACKPermitted == header.options.isSACKPermitted, "SACK")
  check(again.options.timestamp == header.options.timestamp, "timestamp")
  check(again.options.blockCount == header.options.blockCount, "blocks")
  check(!again.options.isMalformed, "malformed")
  check(again.sequenceNumber == header.sequenceNumber, "number")
  check(again.window == header.window, "window")
}

/// The options, read in another way. RFC 9293 §3.2.
private struct Walk {
  var isMalformed = false
  var maximumSegmentSize: UInt16?
  var windowScale: UInt8?
  var isSACKPermitted = false
  var timestamp: UInt32?
  var blocks = 0

  init(_ options: ArraySlice<UInt8>) {
    var rest = Array(options)
    while let kind = rest.first, kind != 0 {
      if kind == 1 {
        rest.removeFirst()
        continue
      }
      guard rest.count >= 2, rest[1] >= 2, rest[1] <= rest.count,
        take(kind, Array(rest[2..<Int(rest[1])]))
      else {
        isMalformed = true
        return
      }
      rest.removeFirst(Int(rest[1]))
    }
  }

  private mutating func take(_ kind: UInt8, _ value: [UInt8]) -> Bool {
    let number = value.prefix(4).reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
    switch (kind, value.count) {
    case (2, 2): maximumSegmentSize = UInt16(number)
    case (3, 1): windowScale = value[0]
    case (4, 0): isSACKPermitted = true
    case (5, 8), (5, 16), (5, 24), (5, 32): blocks = value.count / 8
    case (8, 8): timestamp = number
    case (2...5, _), (8, _): return false
    default: break
    }
    return true
  }
}
