import Fuzzing
@testable import Net
import Packets

/// Longer than any packet, which a local one need not be.
private let pool = PacketPool(capacity: 1, slotSize: 256)

/// ARP packets: what is taken is what is written again.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let input = unsafe Input(start, count)
  var bytes: [UInt8] = []
  // Else nearly all is of other hardware.
  if input.flag() { bytes = [0, 1, 8, 0, 6, 4, 0] }
  bytes += input.bytes(input.count)
  guard let packet = try? ARPPacket(parsing: bytes.rawBytes) else { return 0 }
  guard var copy = pool.allocate() else { return 0 }
  copy.append(ARPPacket.size)
  var target = copy.mutableBytes
  packet.write(to: &target)
  for index in 0..<ARPPacket.size {
    check(
      copy.bytes.byte(at: index) == bytes[index],
      "byte \(index) is another"
    )
  }
  return 0
}
