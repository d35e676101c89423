import Fuzzing
import Net
import Packets

/// A stack whose apps join and leave groups, and its neighbours.
struct GroupPlay: ~Copyable {
  private static let slots = 64
  /// RFC 3376 §7: the types that somebody here has use for.
  private static let types: [UInt8] = [0x11, 0x12, 0x16, 0x17, 0x22]

  private let input: Input
  private let pool: PacketPool
  private var stack: Stack
  private var now = Instant(nanoseconds: 0)
  /// How often each of a few groups is joined.
  private var joins = [Int](repeating: 0, count: 20)

  init(_ input: Input) {
    self.input = input
    pool = PacketPool(capacity: Self.slots)
    stack = Stack(.bound(), pool: pool, at: now)
  }

  /// Does all that the input says; then all groups are left, and nobody hears
  /// of any.
  consuming func run() {
    while input.count > 0 {
      switch input.index(below: 8) {
      case 0: join(input.index(below: joins.count))
      case 1: leave(input.index(below: joins.count))
      case 2, 3: passTime()
      case 4: flap()
      default: receive()
      }
      take()
    }
    for group in joins.indices {
      while joins[group] > 0 { leave(group) }
    }
    for _ in 0..<1000 {
      take()
      guard let deadline = stack.nextDeadline() else { break }
      now = max(now, deadline)
      stack.poll(at: now)
    }
    check(stack.nextDeadline() == nil, "it reports for ever")
    check(stack.groupHardware.isEmpty, "groups are left over")
    check(
      pool.available == Self.slots,
      "\(pool.available) of \(Self.slots) packets are back"
    )
  }

  // MARK: Apps and time

  /// 224.0.0.1 is among them, which nobody speaks of.
  private static func address(_ group: Int) -> IPv4Address {
    IPv4Address(224, 0, 0, UInt8(group + 1))
  }

  private mutating func join(_ group: Int) {
    let before = joins.count { $0 > 0 }
    do throws(NetworkError) {
      try stack.joinGroup(IPAddress(Self.address(group)), at: now)
      joins[group] += 1
    } catch {
      check(error == .limitReached && before > 0, "refused: \(error)")
    }
  }

  private mutating func leave(_ group: Int) {
    stack.leaveGroup(IPAddress(Self.address(group)), at: now)
    joins[group] = max(joins[group] - 1, 0)
    let expected = joins.count { $0 > 0 }
    // And the one that routers ask in.
    check(
      stack.groupHardware.count == (expected == 0 ? 0 : expected + 1),
      "\(stack.groupHardware.count) of \(expected) groups"
    )
  }

  private mutating func passTime() {
    let scale: Int64 = [10, 100, 1000, 10_000][input.index(below: 4)]
    let end = now + .milliseconds(scale * Int64(input.byte()))
    // The kernel does not sleep beyond a deadline.
    for _ in 0..<100 {
      guard let deadline = stack.nextDeadline(), deadline <= end else { break }
      now = max(now, deadline)
      stack.poll(at: now)
      take()
    }
    now = max(now, end)
    stack.poll(at: now)
  }

  private mutating func flap() {
    stack.setLink(up: false, at: now)
    stack.setLink(up: true, at: now)
  }

  // MARK: The wire

  private mutating func receive() {
    var message = input.bytes(8 + input.index(below: 12))
    if input.flag() { message[0] = Self.types[input.index(below: 5)] }
    if input.flag() {
      message.replaceSubrange(4..<8, with: group(input.index(below: 20)))
    }
    let frame = makeFrame(
      ethernet: [1, 0, 0x5E, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0],
      from: [10, 0, 0, 2],
      to: [224, 0, 0, 1],
      protocol: 2,
      field: input.index(below: 16) == 15 ? nil : 2,
      message
    )
    guard var packet = pool.allocate(headroom: 12) else { return }
    packet.append(copying: frame.rawBytes)
    stack.receive(packet, at: now)
  }

  private func group(_ number: Int) -> [UInt8] {
    number == 0 ? [0, 0, 0, 0] : [224, 0, 0, UInt8(number)]
  }

  private mutating func take() {
    var sent = 0
    while let frame = next() {
      check(frame.word(12) == 0x0800, "a frame of type \(frame.word(12))")
      check(frame.bytes[23] == 2, "protocol \(frame.bytes[23])")
      frame.checkReport()
      sent += 1
    }
    // At the most what each group has to say, twice, and an answer.
    check(sent <= 3 * 20, "\(sent) messages at once")
    while stack.nextEvent() != nil {}
  }

  /// The next frame that is about groups.
  private mutating func next() -> SentReport? {
    while let frame = nextFrame() {
      if frame.word(12) != 0x0806 { return frame }
    }
    return nil
  }

  private mutating func nextFrame() -> SentReport? {
    guard let packet = stack.transmit(at: now) else { return nil }
    return SentReport(packet)
  }
}

/// A frame that the stack has sent.
private struct SentReport {
  let bytes: [UInt8]

  init(_ packet: borrowing PacketBuffer) {
    let span = packet.bytes
    bytes = (0..<span.byteCount).map { span.byte(at: $0) }
    check(bytes.count >= 14, "a frame of \(bytes.count) bytes")
  }

  func word(_ offset: Int) -> Int {
    Int(bytes[offset]) << 8 | Int(bytes[offset + 1])
  }

  /// RFC 3376 §4: a time to live of 1, the Router Alert option, to a group;
  /// RFC 1112 §6.4: in a frame of that group.
  func checkReport() {
    check(bytes[14] == 0x46, "a header that begins with \(bytes[14])")
    check(bytes[22] == 1, "a time to live of \(bytes[22])")
    check(Array(bytes[34..<38]) == [0x94, 4, 0, 0], "no Router Alert")
    check(complement(sum(bytes[14..<38])) == 0, "a wrong IP checksum")
    check(complement(sum(bytes[38...])) == 0, "a wrong checksum")
    check(bytes[30] == 224, "to \(bytes[30...33])")
    check(
      Array(bytes[0..<6]) == [1, 0, 0x5E] + [bytes[31] & 0x7F] + bytes[32...33],
      "to \(bytes[0..<6])"
    )
    let group = bytes[38] == 0x22 ? bytes[50..<54] : bytes[42..<46]
    check(
      group.first == 224 && Array(group) != [224, 0, 0, 1],
      "about \(Array(group))"
    )
    check([0x12, 0x16, 0x17, 0x22].contains(bytes[38]), "type \(bytes[38])")
    check(word(16) == bytes.count - 14, "\(word(16)) bytes")
  }
}
