import Packets
import Testing

@testable import Net

/// How a made-up wire treats what it carries.
struct Impairment: CustomTestStringConvertible, Sendable {
  var loss = 0.0
  var duplication = 0.0
  /// The part of the segments that are delayed by up to four times more.
  var reordering = 0.0
  /// The part of which a bit is changed.
  var corruption = 0.0
  var delay = Interval.milliseconds(5)

  var testDescription: String {
    "loss \(loss) duplication \(duplication) reordering \(reordering) "
      + "corruption \(corruption) delay \(delay.milliseconds) ms"
  }
}

/// Two TCPs, a wire between them and the time. Everything follows from the
/// seed.
final class TCPWire {
  struct Segment {
    let arrival: Instant
    let number: Int
    let toServer: Bool
    let bytes: [UInt8]
  }

  var client: TCP
  var server: TCP
  let clientPool: PacketPool
  let serverPool: PacketPool
  let clientAddress = IPAddress(IPv4Address(10, 0, 0, 1))
  let serverAddress = IPAddress(IPv4Address(10, 0, 0, 2))
  var now = Instant(nanoseconds: 0)
  var impairment: Impairment
  private var random: RandomNumbers
  private var underway: [Segment] = []
  private var number = 0
  private(set) var carried = 0
  /// How many packets a device has cut, and merged.
  private(set) var cutPackets = 0
  private(set) var mergedPackets = 0
  /// What both machines have beneath their stacks.
  private let device: TestDevice
  /// The packets that the devices receive into.
  let clientDevicePool: PacketPool
  let serverDevicePool: PacketPool

  init(
    seed: UInt64,
    impairment: Impairment = Impairment(),
    limits: TCPLimits = TCPLimits(),
    packets: Int = 1024,
    device: TestDevice = TestDevice()
  ) {
    self.device = device
    clientDevicePool = device.makePool()
    serverDevicePool = device.makePool()
    self.impairment = impairment
    random = RandomNumbers(seed: SipHash.Key(seed, 99))
    clientPool = PacketPool(capacity: packets)
    serverPool = PacketPool(capacity: packets)
    client = TCP(
      limits: limits,
      capabilities: device.capabilities,
      secret: SipHash.Key(seed, 1),
      random: RandomNumbers(seed: SipHash.Key(seed, 2))
    )
    server = TCP(
      limits: limits,
      capabilities: device.capabilities,
      secret: SipHash.Key(seed, 3),
      random: RandomNumbers(seed: SipHash.Key(seed, 4))
    )
  }

  private func chance(_ part: Double) -> Bool {
    part > 0 && Double.random(in: 0..<1, using: &random) < part
  }

  /// Takes what both have to send onto the wire.
  func transmit() {
    while let outgoing = client.transmit(at: now, pool: clientPool) {
      let segments = device.send(outgoing)
      if segments.count > 1 { cutPackets += 1 }
      for bytes in segments { carry(bytes, toServer: true) }
    }
    while let outgoing = server.transmit(at: now, pool: serverPool) {
      let segments = device.send(outgoing)
      if segments.count > 1 { cutPackets += 1 }
      for bytes in segments { carry(bytes, toServer: false) }
    }
  }

  private func carry(_ bytes: [UInt8], toServer: Bool) {
    carried += 1
    if chance(impairment.loss) { return }
    var bytes = bytes
    if chance(impairment.corruption) {
      let bit = Int.random(in: 0..<bytes.count * 8, using: &random)
      bytes[bit / 8] ^= 1 << UInt8(bit % 8)
    }
    for _ in 0..<(chance(impairment.duplication) ? 2 : 1) {
      var delay = impairment.delay
      if chance(impairment.reordering) {
        delay = delay + delay * Int64.random(in: 0...3, using: &random)
      }
      number += 1
      let segment = Segment(
        arrival: now + delay,
        number: number,
        toServer: toServer,
        bytes: bytes
      )
      let place =
        underway.lastIndex {
          ($0.arrival, $0.number) < (segment.arrival, segment.number)
        } ?? -1
      underway.insert(segment, at: place + 1)
    }
  }

  /// Lets the time go on to what comes next. Returns whether anything does.
  func advance() -> Bool {
    var next = underway.first?.arrival
    for deadline in [client.deadline, server.deadline] {
      if let deadline { next = min(next ?? deadline, deadline) }
    }
    guard let next else { return false }
    now = max(now, next)
    var arrived: [Segment] = []
    while let segment = underway.first, segment.arrival <= now {
      arrived.append(underway.removeFirst())
    }
    for toServer in [false, true] {
      let ends =
        toServer
        ? (clientAddress, serverAddress) : (serverAddress, clientAddress)
      let segments = arrived.filter { $0.toServer == toServer }.map(\.bytes)
      for merged in device.merge(segments, from: ends.0, to: ends.1) {
        if merged.segmentSize > 0 { mergedPackets += 1 }
        deliver(merged, toServer: toServer)
      }
    }
    client.poll(at: now)
    server.poll(at: now)
    return true
  }

  private func deliver(_ merged: TestDevice.Received, toServer: Bool) {
    let pool = toServer ? serverPool : clientPool
    guard
      let packet = device.packet(
        merged,
        from: device.hasOwnPool
          ? toServer ? serverDevicePool : clientDevicePool : pool,
        &random
      )
    else { return }
    if toServer {
      server.receive(
        packet,
        from: clientAddress,
        to: serverAddress,
        ecn: .notCapable,
        maximumSegmentSize: 1460,
        pool: pool,
        at: now
      )
    } else {
      client.receive(
        packet,
        from: serverAddress,
        to: clientAddress,
        ecn: .notCapable,
        maximumSegmentSize: 1460,
        pool: pool,
        at: now
      )
    }
  }

  func connect(port: UInt16) throws(NetworkError) -> ConnectionID {
    try client.connect(
      from: clientAddress,
      to: Endpoint(address: serverAddress, port: port),
      maximumSegmentSize: 1460,
      at: now
    )
  }
}

/// One end of a transfer: writes a pattern, checks the other's, and closes.
struct Transfer {
  let id: ConnectionID
  let total: Int
  var written = 0
  var read = 0
  var isClosed = false
  var isEnded = false
  var failure: String?

  init(_ id: ConnectionID, total: Int) {
    self.id = id
    self.total = total
  }

  var isDone: Bool { (isClosed && isEnded) || failure != nil }

  /// Reads and writes what there is to, until neither goes on.
  mutating func run(_ tcp: inout TCP, at now: Instant) {
    while written < total {
      let bytes = pattern(min(3000, total - written), from: written)
      do throws(NetworkError) {
        let count = try tcp.write(id, bytes.rawSpan, at: now)
        if count == 0 { break }
        written += count
      } catch {
        failure = "write: \(error)"
        return
      }
    }
    // A close before the handshake is done would give the connection up.
    if written == total, !isClosed, tcp.state(id) != .synSent {
      tcp.close(id, at: now)
      isClosed = true
    }
    while !isEnded {
      switch tcp.read(id, at: now) {
      case .bytes(let packet):
        let bytes = Array(copying: packet.bytes)
        if bytes != pattern(bytes.count, from: read) {
          failure = "wrong bytes at \(read)"
          return
        }
        read += bytes.count
      case .wouldBlock: return
      case .endOfStream: isEnded = true
      case .failed(let error):
        failure = "read: \(error)"
        return
      }
    }
  }
}
