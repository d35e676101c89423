import Fuzzing
import Net
import Packets

/// A stack, its apps and its peers, who do what the input says.
struct StackPlay: ~Copyable {
  static let ownHardware: [UInt8] = [2, 0, 0, 0, 0, 1]
  static let peerHardware: [UInt8] = [2, 0, 0, 0, 0, 2]
  static let ownAddress: [UInt8] = [10, 0, 0, 1]
  static let peerAddress: [UInt8] = [10, 0, 0, 2]
  private static let slots = 256

  let input: Input
  private let pool: PacketPool
  var stack: Stack
  var now = Instant(nanoseconds: 0)
  private let listener: ListenerID
  private let socket: SocketID
  private var connections: [ConnectionID] = []
  var peers: [Peer] = []
  /// What the stack has sent last, for errors to quote.
  var lastSent: SentFrame?
  private var lastReceived: [UInt8] = []
  private var ports: UInt16 = 1000

  init(_ input: Input) {
    self.input = input
    pool = PacketPool(capacity: Self.slots)
    var configuration = StackConfiguration.bound(
      to: Lease(
        address: IPv4Address(10, 0, 0, 1),
        prefixLength: 24,
        gateway: IPv4Address(10, 0, 0, 2)
      )
    )
    configuration.tcpLimits = .small(reservedPackets: 16)
    stack = Stack(configuration, pool: pool, at: now)
    guard let listener = try? stack.listen(port: 7, backlog: 4),
      let socket = try? stack.bindDatagrams(port: 7)
    else { fatalError("a new stack has no room") }
    self.listener = listener
    self.socket = socket
  }

  /// Does all that the input says; then nothing is left.
  consuming func run() {
    while input.count > 0 { step() }
    while let connection = connections.popLast() {
      stack.abort(connection, at: now)
      stack.release(connection, at: now)
    }
    stack.stopListening(listener, at: now)
    stack.unbindDatagrams(socket)
    // The longest that anything is waited for, in as many steps as it takes.
    for _ in 0..<10_000 {
      transmit()
      guard let deadline = stack.nextDeadline() else { break }
      now = max(now, deadline)
      stack.poll(at: now)
    }
    check(stack.nextDeadline() == nil, "it waits for ever")
    check(
      stack.connectionCount == 0,
      "\(stack.connectionCount) connections are left"
    )
    check(
      pool.available == Self.slots,
      "\(pool.available) of \(Self.slots) packets are back"
    )
  }

  private mutating func step() {
    switch input.index(below: 14) {
    case 0: openFromPeer()
    case 1: connect()
    case 2, 3: sendData()
    case 4, 5, 6: sendAnything()
    case 7, 8: app()
    case 9: transmit()
    case 10: passTime()
    case 11: sendError()
    case 12: sendInParts()
    default: sendOther()
    }
  }

  // MARK: The wire

  /// Hands the stack a frame.
  mutating func receive(_ frame: [UInt8]) {
    guard frame.count <= 1514, var packet = pool.allocate(headroom: 12) else {
      return
    }
    packet.append(copying: frame.rawBytes)
    lastReceived = frame
    stack.receive(packet, at: now)
  }

  /// Takes all that the stack has to send, and answers what ARP asks.
  mutating func transmit() {
    while let frame = nextFrame() {
      if frame.isARPRequest { answer(frame) }
      if frame.isTCP { note(frame) }
      lastSent = frame
    }
  }

  private mutating func nextFrame() -> SentFrame? {
    guard let packet = stack.transmit(at: now) else { return nil }
    return SentFrame(packet)
  }

  private mutating func answer(_ request: SentFrame) {
    guard Array(request.bytes[38..<42]) == Self.peerAddress else { return }
    receive(
      Self.ownHardware + Self.peerHardware + [8, 6, 0, 1, 8, 0, 6, 4, 0, 2]
        + Self.peerHardware + Self.peerAddress + Self.ownHardware
        + Self.ownAddress
    )
  }

  /// Takes in what a segment of the stack says.
  private mutating func note(_ frame: SentFrame) {
    let ports = (frame.word(frame.tcp), frame.word(frame.tcp + 2))
    let place = peers.lastIndex {
      (Int($0.local), Int($0.port)) == ports
    }
    guard let place, frame.flags & Segment.rst == 0 else { return }
    if frame.flags & Segment.syn != 0 || !peers[place].isSynchronized {
      peers[place].end = frame.end
      peers[place].acknowledged = frame.long(frame.tcp + 4)
      peers[place].isSynchronized = true
    } else if Int32(bitPattern: frame.end &- peers[place].end) > 0 {
      peers[place].end = frame.end
    }
    if let timestamp = frame.timestamp { peers[place].echo = timestamp }
  }

  // MARK: Apps and time

  private mutating func passTime() {
    let scale = input.index(below: 4)
    let steps = Int64(input.byte()) + 1
    let interval = Interval.microseconds(
      steps * [100, 10_000, 1_000_000, 30_000_000][scale]
    )
    let end = now + interval
    // The kernel does not sleep beyond a deadline.
    for _ in 0..<100 {
      guard let deadline = stack.nextDeadline(), deadline <= end else { break }
      now = max(now, deadline)
      stack.poll(at: now)
      transmit()
    }
    now = max(now, end)
    for place in peers.indices {
      peers[place].clock &+= UInt32(truncatingIfNeeded: interval.milliseconds)
    }
  }

  /// The stack's app connects, and the peer answers.
  private mutating func connect() {
    ports += 1
    let port = ports
    let remote = Endpoint(address: IPv4Address(10, 0, 0, 2), port: port)
    guard let id = try? stack.connect(to: remote, at: now) else { return }
    connections.append(id)
    peers.append(
      Peer(
        local: stack.local(of: id)?.port ?? 0,
        port: port,
        next: input.number()
      )
    )
    transmit()
    let place = peers.count - 1
    let choice = input.byte()
    guard peers[place].isSynchronized else { return }
    // ECN-setup SYN,ACK: RFC 3168 §6.1.1.
    let flags = Segment.syn | Segment.ack | (choice & 0x10 != 0 ? 0x40 : 0)
    send(
      Segment(
        flags: flags,
        number: peers[place].next,
        acknowledged: peers[place].end,
        options: Segment.options(ofSYN: choice, peers[place])
      ),
      place
    )
    peers[place].next &+= 1
    peers[place].hasTimestamps = choice & 8 != 0
    transmit()
  }

  private mutating func app() {
    while stack.nextEvent() != nil {}
    if let connection = stack.accept(listener) {
      connections.append(connection)
    }
    if let datagram = stack.receiveDatagram(socket) {
      _ = try? stack.send(
        datagram.payload.bytes,
        from: socket,
        to: datagram.source,
        at: now
      )
    }
    guard !connections.isEmpty else { return }
    let place = input.index(below: connections.count)
    let connection = connections[place]
    switch input.index(below: 8) {
    case 0, 1: read(connection)
    case 2, 3: write(connection, 1 + Int(input.byte()) * 16)
    case 4: stack.close(connection, at: now)
    case 5: stack.setNoDelay(connection, input.flag(), at: now)
    case 6:
      stack.abort(connection, at: now)
      stack.release(connection, at: now)
      connections.remove(at: place)
    default:
      stack.release(connection, at: now)
      connections.remove(at: place)
    }
  }

  private mutating func read(_ connection: ConnectionID) {
    for _ in 0..<64 {
      // One pattern at a time: the value cannot be copied.
      guard case .bytes(let packet) = stack.read(connection, at: now) else {
        return
      }
      check(!packet.isEmpty, "nothing to read")
    }
  }

  private mutating func write(_ connection: ConnectionID, _ count: Int) {
    let bytes = [UInt8](repeating: 0x61, count: count)
    let taken = try? stack.write(bytes.rawBytes, to: connection, at: now)
    check(taken ?? 0 <= count, "\(taken ?? 0) of \(count) bytes written")
  }

  // MARK: The peer

  /// A SYN to the listener, and what completes the handshake.
  private mutating func openFromPeer() {
    ports += 1
    peers.append(Peer(local: 7, port: ports, next: input.number()))
    let place = peers.count - 1
    let choice = input.byte()
    // ECN-setup SYN: RFC 3168 §6.1.1.
    let flags = Segment.syn | (choice & 0x10 != 0 ? 0xC0 : 0)
    send(
      Segment(
        flags: flags,
        number: peers[place].next,
        acknowledged: 0,
        options: Segment.options(ofSYN: choice, peers[place])
      ),
      place
    )
    peers[place].next &+= 1
    peers[place].hasTimestamps = choice & 8 != 0
    transmit()
    guard peers[place].isSynchronized else { return }
    send(plain(place), place)
  }

  /// Again what came last, or something that is not TCP.
  private mutating func sendOther() {
    switch input.index(below: 3) {
    case 0: receive(lastReceived)
    case 1:
      let hardware = input.flag() ? Self.peerHardware : [2, 0, 0, 0, 0, 9]
      receive(
        Self.ownHardware + hardware + [8, 6, 0, 1, 8, 0, 6, 4, 0]
          + [input.byte() & 3] + hardware + Self.peerAddress
          + Self.ownHardware + Self.ownAddress
      )
    default:
      var body = [UInt8](repeating: 0, count: 8 + Int(input.byte()))
      set16(&body, 0, 4000)
      set16(&body, 2, input.flag() ? 7 : 8)
      set16(&body, 4, body.count)
      receive(frame(of: body, protocol: 17, field: 6))
    }
  }
}
