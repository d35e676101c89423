import Fuzzing
import Packets
import Virtio

/// The entropy device: bytes with lengths that may be lies.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let input = unsafe Input(start, count)
  let transport = InputTransport(input)
  let pool = PacketPool(capacity: 2, slotSize: 256)
  guard var device = try? EntropyDevice.start(transport, pool: pool) else {
    return 0
  }
  while input.count > 0 {
    switch input.index(below: 4) {
    case 0: device.request()
    case 1:
      let bytes = (0..<input.index(below: 80)).map { _ in input.byte() }
      transport.state.fill(0, bytes, length: input.number())
    case 2: transport.state.lie(0)
    default: take(&device)
    }
  }
  try? device.stop()
  check(pool.available == 2, "a packet is lost with its queue")
  return 0
}

private func take(_ device: inout EntropyDevice<InputTransport>) {
  var seen = 0
  let answer = device.take { seen = $0.byteCount }
  switch answer {
  case .bytes(let count):
    check(count == seen, "\(count) bytes, of which \(seen) were given")
    check(
      1...EntropyDevice<InputTransport>.bytesPerRequest ~= count,
      "\(count) bytes, more than were asked for"
    )
  case .none: check(seen == 0, "bytes that nobody counted")
  case .lie: check(device.isGivenUp, "a device that lies is still asked")
  }
}
