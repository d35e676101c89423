import Fuzzing
import Net
import Packets

/// Longer than any packet, which a local one need not be.
private let pool = PacketPool(capacity: 64)

/// What DHCP servers answer to a stack that looks for an address: messages that
/// belong to what it has asked, with options as the input says, and time.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let input = unsafe Input(start, count)
  var configuration = StackConfiguration(
    macAddress: MACAddress(bits: 0x0200_0000_0001),
    seed: SipHash.Key(1, 2)
  )
  configuration.hostName = [0x61]
  var server = Server(input)
  var stack = Stack(configuration, pool: pool, at: server.now)
  while input.count > 0 { server.step(&stack) }
  return 0
}

private struct Server {
  private static let messageSize = 240
  private let input: Input
  var now = Instant(nanoseconds: 0)
  /// The transaction of the last request.
  private var transaction: [UInt8] = [0, 0, 0, 0]

  init(_ input: Input) { self.input = input }

  mutating func step(_ stack: inout Stack) {
    if input.index(below: 3) == 0 {
      passTime(&stack)
    } else if var packet = pool.allocate(headroom: 12) {
      packet.append(copying: reply().rawBytes)
      stack.receive(packet, at: now)
    }
    transmit(&stack)
    while stack.nextEvent() != nil {}
    check(stack.nextDeadline() != nil, "it looks for no address any more")
    guard let lease = stack.lease else { return }
    check(1...32 ~= lease.prefixLength, "a prefix of \(lease.prefixLength)")
    check(lease.nameServers.count <= 3, "\(lease.nameServers.count) servers")
    check(lease.expiry.map { $0 > now } ?? true, "a lease that is over")
  }

  private mutating func passTime(_ stack: inout Stack) {
    let scale: Int64 = [1, 1000, 100_000, 10_000_000][input.index(below: 4)]
    let end = now + .milliseconds(scale * Int64(input.byte()))
    // The kernel does not sleep beyond a deadline.
    for _ in 0..<64 {
      guard let deadline = stack.nextDeadline(), deadline <= end else { break }
      now = max(now, deadline)
      stack.poll(at: now)
      transmit(&stack)
    }
  }

  private mutating func transmit(_ stack: inout Stack) {
    var sent = 0
    while let transaction = Self.transaction(stack.transmit(at: now)) {
      if transaction.count == 4 { self.transaction = transaction }
      sent += 1
      check(sent < 100, "it sends and sends")
    }
  }

  /// The transaction of a request; nothing of what is none, `nil` of no packet.
  private static func transaction(
    _ packet: consuming PacketBuffer?
  ) -> [UInt8]? {
    guard let packet else { return nil }
    let bytes = packet.bytes
    guard bytes.byteCount >= 14 + 28 + messageSize,
      bytes.byte(at: 23) == 17
    else { return [] }
    return (46..<50).map { bytes.byte(at: $0) }
  }

  // MARK: What it says

  private func reply() -> [UInt8] {
    var message = [UInt8](repeating: 0, count: Self.messageSize)
    message.replaceSubrange(0..<4, with: [2, 1, 6, 0])
    message.replaceSubrange(
      4..<8,
      with: input.index(below: 16) == 15 ? input.bytes(4) : transaction
    )
    message.replaceSubrange(16..<20, with: address())
    message.replaceSubrange(28..<34, with: [2, 0, 0, 0, 0, 1])
    let fields = input.byte()
    if fields & 1 != 0 { fill(&message, 44..<108) }
    if fields & 2 != 0 { fill(&message, 108..<236) }
    message.replaceSubrange(236..<240, with: [0x63, 0x82, 0x53, 0x63])
    if fields & 3 != 0 { message += [52, 1, fields & 3] }
    message += [53, 1, [2, 5, 6, input.byte()][input.index(below: 4)]]
    message += [54, 4] + address()
    for _ in 0..<input.index(below: 12) { message += option() }
    if input.flag() { message.append(255) }
    var datagram = [UInt8](repeating: 0, count: 8)
    set16(&datagram, 0, 67)
    set16(&datagram, 2, 68)
    set16(&datagram, 4, 8 + message.count)
    return makeFrame(
      ethernet: [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0],
      from: [10, 0, 0, 2],
      to: [255, 255, 255, 255],
      protocol: 17,
      field: 6,
      datagram + message
    )
  }

  private func fill(_ message: inout [UInt8], _ field: Range<Int>) {
    let bytes = input.bytes(min(input.index(below: 128), field.count))
    message.replaceSubrange(
      field.lowerBound..<field.lowerBound + bytes.count,
      with: bytes
    )
  }

  private func address() -> [UInt8] {
    input.index(below: 8) == 7
      ? input.bytes(4) : [10, 0, 0, 2 + UInt8(input.index(below: 4))]
  }

  /// One that clients ask for, of the right length or another.
  private func option() -> [UInt8] {
    let kinds: [(UInt8, Int)] = [
      (1, 4), (3, 4), (6, 8), (15, 6), (26, 2), (42, 4), (51, 4), (54, 4),
      (58, 4), (59, 4), (61, 7), (119, 12), (121, 8),
    ]
    let (kind, length) = kinds[input.index(below: kinds.count)]
    if input.index(below: 8) == 7 {
      return [input.byte(), input.byte()] + input.bytes(input.index(below: 40))
    }
    return [kind, UInt8(length)] + input.bytes(length)
  }
}
