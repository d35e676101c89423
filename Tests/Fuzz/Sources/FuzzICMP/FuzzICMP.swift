import Fuzzing
import Net
import Packets

/// Longer than any packet, which a local one need not be.
private let pool = PacketPool(capacity: 64)

/// ICMP messages to a stack that has sent datagrams: echoes, errors about what
/// was sent and about what never was. What comes is answered once at the most.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let input = unsafe Input(start, count)
  var stack = Stack(.bound(), pool: pool, at: Instant(nanoseconds: 0))
  play(input, &stack)
  return 0
}

private func play(_ input: Input, _ stack: inout Stack) {
  let ethernet: [UInt8] = [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0]
  var now = Instant(nanoseconds: 0)
  while input.count > 0 {
    now = now + .milliseconds(Int64(input.byte()))
    var body = input.bytes(8 + Int(input.byte()))
    if input.flag() {
      body[0] = [0, 3, 8, 11, 12, 4, 5][input.index(below: 7)]
    }
    if input.flag() { body += quote(input) }
    let frame = makeFrame(
      ethernet: ethernet,
      from: [10, 0, 0, input.flag() ? 2 : input.byte()],
      to: [10, 0, 0, input.flag() ? 1 : 255],
      protocol: 1,
      field: input.index(below: 16) == 15 ? nil : 2,
      body
    )
    let before = stack.counters
    if var packet = pool.allocate(headroom: 12) {
      packet.append(copying: frame.rawBytes)
      stack.receive(packet, at: now)
    }
    let after = stack.counters
    // RFC 1122 §3.2.2: no error about an error.
    check(after.icmpErrorsSent == before.icmpErrorsSent, "an error about it")
    check(after.echoesAnswered <= before.echoesAnswered + 1, "two answers")
    check(
      after.echoesAnswered == before.echoesAnswered || body[0] == 8,
      "an answer to type \(body[0])"
    )
    stack.poll(at: now)
    while let packet = stack.transmit(at: now) {
      check(packet.totalCount <= 1514, "\(packet.totalCount) bytes")
    }
  }
}

/// The beginning of a datagram that the stack may have sent.
private func quote(_ input: Input) -> [UInt8] {
  let whole = makeFrame(
    ethernet: [],
    from: [10, 0, 0, input.flag() ? 1 : 7],
    to: [10, 0, 0, 2],
    protocol: [6, 17, 1, 99][input.index(below: 4)],
    input.bytes(input.index(below: 32))
  )
  return Array(whole.prefix(input.flag() ? 28 : input.index(below: 60)))
}
