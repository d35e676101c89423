import Fuzzing
import Net
import Packets

/// A stack with a socket, and peers who send it parts of datagrams.
struct ReassemblyPlay: ~Copyable {
  private static let slots = 64
  private static let ethernet: [UInt8] = [
    2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0,
  ]
  private static let port = 7

  private let input: Input
  private let pool: PacketPool
  private var stack: Stack
  private let socket: SocketID
  private var now = Instant(nanoseconds: 0)

  init(_ input: Input) {
    self.input = input
    pool = PacketPool(capacity: Self.slots)
    stack = Stack(.bound(), pool: pool, at: now)
    guard let socket = try? stack.bindDatagrams(port: UInt16(Self.port)) else {
      fatalError("a new stack has no room")
    }
    self.socket = socket
  }

  /// Does all that the input says; then nothing is left.
  consuming func run() {
    while input.count > 0 {
      switch input.index(below: 8) {
      case 0: sendPart(DatagramInParts(input))
      case 1: passTime()
      default: sendAll(of: DatagramInParts(input))
      }
      take()
    }
    // The longest that parts are waited for.
    now = now + .seconds(60)
    stack.poll(at: now)
    take()
    // Who is told of it does not answer to ARP.
    for _ in 0..<100 {
      guard let deadline = stack.nextDeadline() else { break }
      now = max(now, deadline)
      stack.poll(at: now)
      take()
    }
    check(stack.nextDeadline() == nil, "it waits for ever")
    stack.unbindDatagrams(socket)
    check(
      pool.available == Self.slots,
      "\(pool.available) of \(Self.slots) packets are back"
    )
  }

  // MARK: The wire

  /// Parts that make the whole datagram, in any order; some again, some not at
  /// all, some other.
  private mutating func sendAll(of datagram: DatagramInParts) {
    // So many parts at the most that many datagrams meet in an input.
    let least = (datagram.size / 48 + 8) / 8
    let step = 8 * max(1 + input.index(below: 180), least)
    var parts: [Range<Int>] = []
    for start in stride(from: 0, to: datagram.size, by: step) {
      parts.append(start..<min(start + step, datagram.size))
    }
    let order = input.byte()
    if order & 1 != 0 { parts.reverse() }
    if order & 2 != 0 { parts.swapAt(0, input.index(below: parts.count)) }
    if order & 4 != 0 { parts.append(parts[input.index(below: parts.count)]) }
    if order & 8 != 0 { parts.remove(at: input.index(below: parts.count)) }
    let forged = order & 16 != 0 ? input.index(below: 64) : parts.count
    for (place, part) in parts.enumerated() {
      send(
        datagram,
        part,
        hasMore: part.upperBound < datagram.size,
        isForged: place == forged
      )
    }
  }

  /// A part that may belong to nothing.
  private mutating func sendPart(_ datagram: DatagramInParts) {
    let start = Int(input.number(as: UInt16.self) & 0x1FFF) * 8
    let count = Int(input.byte()) * (input.flag() ? 8 : 1)
    send(
      datagram,
      start..<start + min(count, 1400),
      hasMore: input.flag(),
      isForged: input.flag()
    )
  }

  private mutating func send(
    _ datagram: DatagramInParts,
    _ part: Range<Int>,
    hasMore: Bool,
    isForged: Bool
  ) {
    let frame = makeFrame(
      ethernet: Self.ethernet,
      from: datagram.source,
      to: [10, 0, 0, 1],
      protocol: datagram.protocolNumber,
      service: isForged ? input.byte() & 3 : 0,
      identification: datagram.identification,
      fragment: (hasMore ? 0x2000 : 0) | part.lowerBound / 8,
      datagram.bytes(part, isForged: isForged)
    )
    guard var packet = pool.allocate(headroom: 12) else { return }
    guard frame.count <= packet.tailroom else { return }
    packet.append(copying: frame.rawBytes)
    stack.receive(packet, at: now)
  }

  // MARK: What comes of it

  private mutating func passTime() {
    now = now + .milliseconds(Int64(input.byte()) * 200)
    stack.poll(at: now)
  }

  /// Takes what the app gets, and what is sent.
  private mutating func take() {
    while let datagram = stack.receiveDatagram(socket) {
      let bytes = datagram.payload.bytes
      let identification = Int(datagram.source.port)
      for index in 0..<bytes.byteCount {
        let offset = index + DatagramInParts.headerSize
        let byte = bytes.byte(at: index)
        check(
          DatagramInParts.mayHold(byte, at: offset, of: identification),
          "byte \(index) of datagram \(identification) is \(byte)"
        )
      }
    }
    while let packet = stack.transmit(at: now) {
      check(packet.totalCount <= 1514, "\(packet.totalCount) bytes")
    }
    while stack.nextEvent() != nil {}
    check(stack.counters.icmpErrorsSent <= 4096, "an error for each part")
  }
}
