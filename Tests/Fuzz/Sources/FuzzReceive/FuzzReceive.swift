import Fuzzing
import Packets
@testable import Virtio

/// What a device writes of packets: their headers and how they are merged, and
/// in them all that the stack takes apart.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let input = unsafe Input(start, count)
  let features = Features(rawValue: input.number())
  let bytes = (0..<20).map { _ in input.byte() }
  if let header = PacketHeader.parse(bytes.rawBytes, features) {
    check(header.bufferCount > 0, "a packet in no buffer")
    check(
      header.segmentSize == 0 || !features.isDisjoint(with: .guestSegmentation),
      "segments that were not agreed on"
    )
  }
  guard let play = ReceivePlay(input) else { return 0 }
  play.run()
  return 0
}
