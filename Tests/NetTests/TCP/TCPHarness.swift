import Packets
import Testing

@testable import Net

/// A segment as a test writes it down: numbers count from the initial ones of
/// their side, so that the SYN is 0 and the first byte is 1. Blocks of selective
/// acknowledgements count as the acknowledgement does. Of timestamps, those of
/// our clock count from that of our SYN, the peer's are as they are.
struct Segment: CustomStringConvertible {
  var flags: TCPHeader.Flags
  var sequence: Int
  var acknowledgement: Int?
  var window: Int?
  var segmentSize: Int?
  var scale: Int?
  /// Value and echo.
  var stamp: (Int, Int)?
  var permitsSACK = false
  var sack: [Range<Int>]
  var urgent: Int?
  var payload: [UInt8]

  init(
    _ flags: TCPHeader.Flags,
    _ sequence: Int,
    ack: Int? = nil,
    window: Int? = nil,
    mss: Int? = nil,
    scale: Int? = nil,
    stamp: (Int, Int)? = nil,
    permitsSACK: Bool = false,
    sack: [Range<Int>] = [],
    urgent: Int? = nil,
    _ payload: [UInt8] = []
  ) {
    self.flags = flags
    if ack != nil { self.flags.insert(.acknowledgement) }
    if urgent != nil { self.flags.insert(.urgent) }
    self.sequence = sequence
    acknowledgement = ack
    self.window = window
    segmentSize = mss
    self.scale = scale
    self.stamp = stamp
    self.permitsSACK = permitsSACK
    self.sack = sack
    self.urgent = urgent
    self.payload = payload
  }

  var description: String {
    var text = "seq \(sequence)"
    if flags.contains(.syn) { text += " SYN" }
    if flags.contains(.fin) { text += " FIN" }
    if flags.contains(.reset) { text += " RST" }
    if flags.contains(.push) { text += " PSH" }
    if let acknowledgement { text += " ack \(acknowledgement)" }
    if let window { text += " win \(window)" }
    if let segmentSize { text += " mss \(segmentSize)" }
    if let scale { text += " scale \(scale)" }
    if flags.contains(.congestionEcho) { text += " ECE" }
    if flags.contains(.windowReduced) { text += " CWR" }
    if let stamp { text += " stamp \(stamp.0) \(stamp.1)" }
    if permitsSACK { text += " permits SACK" }
    if !sack.isEmpty { text += " sack \(sack)" }
    if let urgent { text += " urgent \(urgent)" }
    if !payload.isEmpty { text += " \(payload.count) bytes" }
    return text
  }

  /// Whether this is what `expected` says. A window, segment size, scale or
  /// timestamp that it leaves open may be any.
  func matches(_ expected: Segment) -> Bool {
    flags == expected.flags && sequence == expected.sequence
      && acknowledgement == expected.acknowledgement
      && payload == expected.payload
      && (expected.window == nil || window == expected.window)
      && (expected.segmentSize == nil || segmentSize == expected.segmentSize)
      && (expected.scale == nil || scale == expected.scale)
      && (expected.stamp == nil || stamp.map { $0 == expected.stamp! } ?? false)
      && sack == expected.sack && urgent == expected.urgent
  }
}

/// What there is to say of a packet beside its segments.
struct SentPacket: Equatable {
  /// The payload in all.
  var payload: Int
  /// The payload of each segment that it is to be cut into.
  var segmentSize: Int?
  var fragments: Int

  init(_ payload: Int, cut segmentSize: Int? = nil, fragments: Int) {
    self.payload = payload
    self.segmentSize = segmentSize
    self.fragments = fragments
  }

  init(_ packet: borrowing PacketBuffer) {
    let header = Int(packet.bytes.byte(at: 12) >> 4) * 4
    payload = packet.totalCount - header
    segmentSize = packet.segmentation?.segmentSize
    fragments = packet.fragmentCount
  }
}

/// One TCP, whose peer is the test.
final class TCPHarness {
  var tcp: TCP
  let pool: PacketPool
  var now = Instant(nanoseconds: 1_000_000_000)

  static let ours = IPAddress(IPv4Address(10, 0, 0, 1))
  static let theirs = IPAddress(IPv4Address(10, 0, 0, 2))
  static let port: UInt16 = 80
  static let theirPort: UInt16 = 50000
  static let secret = SipHash.Key(1, 2)

  /// The initial sequence numbers, ours once a SYN of ours was seen.
  var iss = SequenceNumber(0)
  var irs = SequenceNumber(0xFFFF_FF00)
  /// The value of the timestamp in our SYN.
  var clock: UInt32 = 0
  /// The ports of the conversation.
  var localPort = TCPHarness.port
  var remotePort = TCPHarness.theirPort
  /// What of a packet that a device has cut is still to be seen.
  private var cutSegments: [[UInt8]] = []
  /// The packets that were sent, before a device cut them.
  var packets: [SentPacket] = []
  /// How many packets of the pool are free when a segment has come; `nil`: as
  /// many as are.
  var freePackets: Int?

  /// Buffers of 64 KiB, which one window field says, and the congestion control
  /// whose windows are easily told.
  static var limits: TCPLimits {
    var limits = TCPLimits().with64KiB
    limits.congestionControl = .newReno
    return limits
  }

  init(
    limits: TCPLimits = TCPHarness.limits,
    packets: Int = 512,
    smallSlots: Int = 0
  ) {
    pool = PacketPool(capacity: packets, smallSlots: smallSlots)
    tcp = TCP(
      limits: limits,
      secret: Self.secret,
      random: RandomNumbers(seed: SipHash.Key(3, 4))
    )
  }

  /// How far our initial sequence number is from zero.
  var issOffset: Int { iss - SequenceNumber(0) }

  func wait(_ milliseconds: Int64) {
    now = now + .milliseconds(milliseconds)
    tcp.poll(at: now)
  }

  /// The packet of `segment` from the peer, in a slot of `other` or the pool.
  func packet(_ segment: Segment, in other: PacketPool? = nil) -> PacketBuffer {
    var header = TCPHeader(
      sourcePort: remotePort,
      destinationPort: localPort,
      sequenceNumber: irs + segment.sequence,
      flags: segment.flags
    )
    if let number = segment.acknowledgement {
      header.acknowledgementNumber = iss + number
    }
    header.window = UInt16(segment.window ?? 65535)
    header.options.maximumSegmentSize = segment.segmentSize.map { UInt16($0) }
    header.options.windowScale = segment.scale.map { UInt8($0) }
    header.options.isSACKPermitted = segment.permitsSACK
    header.options.timestamp = segment.stamp.map {
      TCPOptions.Timestamp(
        value: UInt32(truncatingIfNeeded: $0.0),
        echo: clock &+ UInt32(truncatingIfNeeded: $0.1)
      )
    }
    for block in segment.sack {
      header.options.append(
        SACKBlock(start: iss + block.lowerBound, end: iss + block.upperBound)
      )
    }
    header.urgentPointer = UInt16(segment.urgent ?? 0)
    var packet = (other ?? pool).allocate(headroom: 128)!
    packet.append(copying: segment.payload.rawSpan)
    packet.prepend(header, from: Self.theirs, to: Self.ours)
    return packet
  }

  func receive(_ segment: Segment) {
    receive(packet(segment))
  }

  func receive(
    _ packet: consuming PacketBuffer,
    ecn: ECNCodepoint = .notCapable
  ) {
    var others = PacketQueue()
    while let freePackets, pool.available > freePackets {
      others.append(pool.allocate()!)
    }
    tcp.receive(
      packet,
      from: Self.theirs,
      to: Self.ours,
      ecn: ecn,
      maximumSegmentSize: 1460,
      pool: pool,
      at: now
    )
  }

  /// The next segment that TCP sends, which must be well formed: of what is to
  /// be cut, each that a device makes of it.
  func transmit(_ location: SourceLocation = #_sourceLocation) -> Segment? {
    if cutSegments.isEmpty {
      guard let outgoing = tcp.transmit(at: now, pool: pool) else { return nil }
      let ends = (outgoing.source, outgoing.destination)
      #expect(ends == (Self.ours, Self.theirs), sourceLocation: location)
      packets.append(SentPacket(outgoing.packet))
      let device = TestDevice(capabilities: tcp.capabilities)
      cutSegments = device.send(outgoing, location)
    }
    let bytes = cutSegments.removeFirst()
    guard let header = try? TCPHeader(parsing: bytes.rawSpan) else {
      Issue.record("malformed header", sourceLocation: location)
      return nil
    }
    #expect(!header.options.isMalformed, sourceLocation: location)
    #expect(header.sourcePort == localPort, sourceLocation: location)
    #expect(header.destinationPort == remotePort, sourceLocation: location)
    if !header.flags.contains(.acknowledgement) {
      let number = header.acknowledgementNumber
      #expect(number == SequenceNumber(0), sourceLocation: location)
    }
    return segment(header, Array(bytes[header.parsedLength...]))
  }

  /// The segment with `header` that TCP has sent.
  private func segment(_ header: TCPHeader, _ payload: [UInt8]) -> Segment {
    var segment = Segment(
      header.flags,
      header.sequenceNumber - iss,
      window: Int(header.window),
      mss: header.options.maximumSegmentSize.map { Int($0) },
      scale: header.options.windowScale.map { Int($0) },
      payload
    )
    if header.flags.contains(.acknowledgement) {
      segment.acknowledgement = header.acknowledgementNumber - irs
    }
    if header.flags.contains(.urgent) {
      segment.urgent = Int(header.urgentPointer)
    }
    segment.stamp = header.options.timestamp.map {
      (Int(Int32(bitPattern: $0.value &- clock)), Int($0.echo))
    }
    segment.permitsSACK = header.options.isSACKPermitted
    for index in 0..<header.options.blockCount {
      let block = header.options.blocks[index]
      segment.sack.append(block.start - irs..<block.end - irs)
    }
    return segment
  }

  /// The next segments are exactly these.
  func expect(
    _ expected: Segment...,
    location: SourceLocation = #_sourceLocation
  ) {
    for segment in expected {
      guard let sent = transmit(location) else {
        Issue.record("nothing sent, not \(segment)", sourceLocation: location)
        return
      }
      #expect(
        sent.matches(segment),
        "sent \(sent), not \(segment)",
        sourceLocation: location
      )
    }
    expectNothing(location: location)
  }

  func expectNothing(location: SourceLocation = #_sourceLocation) {
    if let sent = transmit(location) {
      Issue.record("sent \(sent)", sourceLocation: location)
    }
  }

  /// All segments that are to be sent, unchecked.
  @discardableResult
  func drain() -> [Segment] {
    var segments: [Segment] = []
    while let segment = transmit() { segments.append(segment) }
    return segments
  }

  func events() -> [TCPEvent] {
    var events: [TCPEvent] = []
    while let event = tcp.nextEvent() { events.append(event) }
    return events
  }

  /// Takes our initial sequence number from the SYN that is sent now.
  func learnInitial(_ location: SourceLocation = #_sourceLocation) -> Segment? {
    guard let outgoing = tcp.transmit(at: now, pool: pool) else { return nil }
    let bytes = Array(copying: outgoing.packet.bytes)
    let header = try! TCPHeader(parsing: bytes.rawSpan)
    iss = header.sequenceNumber
    localPort = header.sourcePort
    clock = header.options.timestamp?.value ?? 0
    return segment(header, [])
  }

  func read(_ id: ConnectionID) -> Read {
    switch tcp.read(id, at: now) {
    case .bytes(let packet): .bytes(Array(copying: packet.bytes))
    case .wouldBlock: .wouldBlock
    case .endOfStream: .endOfStream
    case .failed(let error): .failed(error)
    }
  }

  func write(_ id: ConnectionID, _ bytes: [UInt8]) throws(NetworkError) -> Int {
    try tcp.write(id, bytes.rawSpan, at: now)
  }

  func listen(backlog: Int) throws(NetworkError) -> ListenerID {
    try tcp.listen(port: Self.port, backlog: backlog)
  }

  func accept(_ id: ListenerID) -> ConnectionID? { tcp.accept(id) }

  func close(_ id: ConnectionID) { tcp.close(id, at: now) }
  func abort(_ id: ConnectionID) { tcp.abort(id, at: now) }
  func release(_ id: ConnectionID) { tcp.release(id, at: now) }
}

extension TCPLimits {
  /// The same with buffers of 64 KiB.
  var with64KiB: TCPLimits {
    var limits = self
    limits.receiveBuffer = 64 * 1024
    limits.sendBuffer = 64 * 1024
    limits.outOfOrderSegments = 64
    // Tests of rules that say when to acknowledge are not to wait for these.
    limits.quickAcknowledgements = 0
    return limits
  }
}

/// `ReadResult`, to be compared.
enum Read: Equatable {
  case bytes([UInt8])
  case wouldBlock
  case endOfStream
  case failed(NetworkError)
}

extension Array where Element == UInt8 {
  /// The bytes as the stack takes them.
  var rawSpan: RawSpan {
    @_lifetime(borrow self)
    borrowing get {
      // SAFETY: A byte has no padding.
      unsafe span.bytes
    }
  }

  init(copying bytes: RawSpan) {
    // SAFETY: The bytes are copied while they are borrowed.
    self = unsafe bytes.withUnsafeBytes { unsafe Array($0) }
  }
}

/// `count` bytes, at most 65,536, that tell their places apart.
func pattern(_ count: Int, from start: Int = 0) -> [UInt8] {
  let offset = start & 0xFFFF
  return Array(patternTwice[offset..<offset + count])
}

/// The pattern repeats after 65,536 bytes.
private let patternTwice: [UInt8] = (0..<1 << 17).map {
  UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8)
}
