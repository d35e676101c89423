/// A TCP connection from the peer to the guest: sends bytes, ends its side, and
/// collects what comes until the guest ends the other.
///
/// It knows one order of segments only, the right one; what is lost is sent
/// again from the first byte that was not acknowledged. RFC 9293.
struct Exchange {
  private enum Flag {
    static let end: UInt8 = 1
    static let synchronize: UInt8 = 2
    static let reset: UInt8 = 4
    static let acknowledge: UInt8 = 16
  }

  private enum Field {
    static let source = 34
    static let target = 36
    static let sequence = 38
    static let acknowledgement = 42
    static let headerSize = 46
    static let flags = 47
    static let window = 48
  }

  /// Without options, and then with the largest segment's size.
  private static let headerSize = 20
  private static let window: UInt16 = 65535
  static let segmentSize = 1460
  /// How many ticks without an answer go by before it asks again.
  private static let patience = 10

  let identifier: Int
  private let port: UInt16
  private let localPort: UInt16
  /// What is to be sent.
  private let bytes: [UInt8]
  /// The most bytes of one packet.
  private let largestPacket: Int
  /// Counts from the SYN, which is 0.
  private var acknowledged: UInt32 = 0
  private var sent: UInt32 = 0
  private var guestWindow: UInt32 = 0
  /// The guest's next sequence number, once it is known.
  private var expected: UInt32?
  /// What has come.
  private(set) var received: [UInt8] = []
  /// Both sides have ended, or the guest has reset the connection.
  private(set) var isOver = false
  private var quietTicks = 0

  /// What is wanted of it.
  struct Order {
    let identifier: Int
    /// The guest's.
    let port: UInt16
    /// What is to be sent.
    let bytes: [UInt8]
  }

  /// A segment to be sent, from its TCP header on.
  struct Segment {
    var bytes: [UInt8]
    /// How many of them are the header.
    var headerSize: Int
  }

  init(_ order: Order, largestPacket: Int) {
    identifier = order.identifier
    port = order.port
    bytes = order.bytes
    self.largestPacket = largestPacket
    localPort = 40_000 + UInt16(identifier)
  }

  /// The sequence number behind all bytes: that of the FIN.
  private var end: UInt32 { UInt32(bytes.count) + 1 }

  /// Whether a frame, which has a TCP header, is for this connection.
  func accepts(_ frame: [UInt8]) -> Bool {
    frame.number16(Field.source) == port
      && frame.number16(Field.target) == localPort
  }

  /// Whether ``headerSize`` bytes of TCP are in a frame up to `end`.
  static func isWhole(_ frame: [UInt8], end: Int) -> Bool {
    end >= Offset.transport + headerSize
      && Offset.transport + Int(frame[Field.headerSize] >> 4) * 4 <= end
  }

  /// Takes a segment of the guest, which ends at `end` in its frame.
  mutating func receive(_ frame: [UInt8], end frameEnd: Int) -> [Segment] {
    quietTicks = 0
    let flags = frame[Field.flags]
    if flags & Flag.reset != 0 {
      isOver = true
      return []
    }
    guestWindow = UInt32(frame.number16(Field.window))
    if flags & Flag.acknowledge != 0 {
      let number = frame.number32(Field.acknowledgement)
      if number > acknowledged, number <= end + 1 {
        acknowledged = number
        sent = max(sent, number)
      }
    }
    let sequence = frame.number32(Field.sequence)
    let data =
      frame[
        (Offset.transport + Int(frame[Field.headerSize] >> 4) * 4)..<frameEnd
      ]
    guard let next = expected else {
      guard flags & Flag.synchronize != 0 else { return [] }
      expected = sequence &+ 1
      return segments() + [segment(at: sent, [], Flag.acknowledge)]
    }
    var isNews = !data.isEmpty || flags & Flag.synchronize != 0
    if sequence == next {
      received += data
      expected = next &+ UInt32(data.count)
      if flags & Flag.end != 0 {
        expected = next &+ UInt32(data.count) &+ 1
        isOver = true
        isNews = true
      }
    }
    let answers = segments()
    // What carries data acknowledges too.
    return answers.isEmpty && isNews
      ? [segment(at: sent, [], Flag.acknowledge)] : answers
  }

  /// What to send first.
  mutating func begin() -> [Segment] { segments() }

  /// What to send now that some time has gone by.
  mutating func tick() -> [Segment] {
    quietTicks += 1
    guard quietTicks % Self.patience == 0, !isOver else { return [] }
    sent = acknowledged
    let again = segments()
    return again.isEmpty && expected != nil
      ? [segment(at: sent, [], Flag.acknowledge)] : again
  }

  /// What the guest's window has room for.
  private mutating func segments() -> [Segment] {
    guard expected != nil else {
      sent = 1
      return [segment(at: 0, [], Flag.synchronize)]
    }
    var result: [Segment] = []
    while sent < end, sent < acknowledged + guestWindow {
      let room = Int(acknowledged + guestWindow - sent)
      let first = Int(sent) - 1
      let count = min(room, largestPacket, bytes.count - first)
      result.append(
        segment(at: sent, bytes[first..<first + count], Flag.acknowledge)
      )
      sent += UInt32(count)
      if sent == end { break }
    }
    if sent == end {
      result.append(segment(at: end, [], Flag.acknowledge | Flag.end))
      sent = end + 1
    }
    return result
  }

  private func segment(
    at sequence: UInt32,
    _ data: ArraySlice<UInt8>,
    _ flags: UInt8
  ) -> Segment {
    let isSynchronizing = flags & Flag.synchronize != 0
    let headerSize = Self.headerSize + (isSynchronizing ? 4 : 0)
    var header: [UInt8] = []
    header.append(bigEndian: localPort)
    header.append(bigEndian: port)
    header.append(bigEndian: sequence)
    header.append(bigEndian: expected ?? 0)
    header += [UInt8(headerSize << 2), flags]
    header.append(bigEndian: Self.window)
    // Checksum and urgent pointer.
    header += [0, 0, 0, 0]
    if isSynchronizing {
      header += [2, 4]
      header.append(bigEndian: UInt16(Self.segmentSize))
    }
    return Segment(bytes: header + data, headerSize: headerSize)
  }
}
