import Net
import Packets
import Testing

/// A host behind a router whose next link is small, to which a connection is
/// opened. It acknowledges what comes at once.
final class FarHost {
  enum Router: CaseIterable {
    /// Says what is too large. RFC 1191.
    case tells
    /// Cuts what may be cut, and says nothing of what may not. RFC 2923 §2.1.
    case cutsInSilence
    /// Drops whatever is too large.
    case swallows
    /// Drops everything.
    case isDown
  }

  private let host: TestHost
  var router: Router
  var mtu: Int
  /// What a datagram of the connection had, and when, whether it arrived or not.
  private(set) var sent: [(size: Int, mayBeCut: Bool, at: Double)] = []
  private(set) var id: ConnectionID?
  private(set) var seconds: Double
  private var ourPort: UInt16 = 0
  private var expected: UInt32 = 0
  private var early: [UInt32: Int] = [:]
  /// The bytes that are to be here, those that have arrived in order, and those
  /// that the stack has not taken.
  private var written = 0
  private var arrived = 0
  private var left = 0

  init(_ host: TestHost, _ router: Router, mtu: Int, at seconds: Double = 0) {
    self.host = host
    self.router = router
    self.mtu = mtu
    self.seconds = seconds
  }

  func connect() throws {
    let remote = Endpoint(address: Hosts.remoteAddress, port: 80)
    id = try host.stack.connect(to: remote, at: .at(seconds))
    let local = host.stack.local(of: id!)
    ourPort = try #require(local).port
    carry()
    let state = host.stack.state(of: id!)
    #expect(state == .established)
    sent.removeAll()
  }

  /// `count` bytes more are to be sent here.
  func write(_ count: Int) {
    left += count
    written += count
    sent.removeAll()
  }

  /// Lets the time go on until all that was written is here, or it is `end`.
  func run(until end: Double) throws {
    while true {
      if left > 0 {
        let bytes = [UInt8](repeating: 1, count: min(left, 60_000))
        left -= try host.stack.write(bytes.raw, to: id!, at: .at(seconds))
      }
      if carry() { continue }
      if arrived == written { return }
      guard let deadline = host.deadline?.seconds, deadline < end else {
        return wait(until: end)
      }
      wait(until: max(deadline, seconds))
    }
  }

  /// Sends `count` bytes, and waits until they are here: no longer than `limit`
  /// seconds. Returns how long it took.
  @discardableResult
  func take(_ count: Int, limit: Double = 100) throws -> Double {
    let start = seconds
    write(count)
    try run(until: start + limit)
    #expect(arrived == written, "\(sent)")
    return seconds - start
  }

  func wait(until time: Double) {
    seconds = time
    host.stack.poll(at: .at(time))
  }

  /// The sizes of the datagrams that had text.
  var sizes: [Int] { sent.map(\.size).filter { $0 > 40 } }

  /// Carries what is sent, until nothing is. Returns whether something was.
  @discardableResult
  private func carry() -> Bool {
    var isAnything = false
    while true {
      let frames = host.sent(at: seconds)
      if frames.isEmpty { return isAnything }
      isAnything = true
      for frame in frames { carry(frame) }
    }
  }

  private func carry(_ frame: [UInt8]) {
    if frame.word(at: 12) == 0x0806 {
      return host.receive(
        Frames.arp(
          operation: 2,
          from: Hosts.gateway,
          Hosts.gatewayAddress,
          for: Hosts.our,
          Hosts.ourAddress,
          frameTo: Hosts.our
        ),
        at: seconds
      )
    }
    guard frame[23] == 6, frame.word(at: 34) == ourPort else { return }
    let size = frame.count - 14
    let mayBeCut = frame.word(at: 20) & 0x4000 == 0
    sent.append((size, mayBeCut, seconds))
    guard router != .isDown else { return }
    guard size > mtu, !(router == .cutsInSilence && mayBeCut) else {
      return take(frame)
    }
    guard router == .tells, !mayBeCut else { return }
    host.receive(
      Frames.ethernet(
        from: Hosts.gateway,
        Frames.ipv4(
          protocol: 1,
          from: Hosts.gatewayAddress,
          Frames.icmp(
            type: 3,
            code: 4,
            rest: UInt32(mtu),
            Array(frame[14...].prefix(28))
          )
        )
      ),
      at: seconds
    )
  }

  /// A segment has arrived.
  private func take(_ frame: [UInt8]) {
    let sequence = UInt32(frame.word(at: 38)) << 16 | UInt32(frame.word(at: 40))
    let text = frame.count - 34 - Int(frame[46] >> 4) * 4
    if frame[47] & 0x02 != 0 {
      expected = sequence &+ 1
      return answer(flags: 0x12, options: [2, 4, 0x05, 0xB4])
    }
    guard text > 0 else { return }
    early[sequence] = max(early[sequence] ?? 0, text)
    while let (start, count) = early.first(where: {
      Int32(bitPattern: expected &- $0.key) >= 0
        && Int32(bitPattern: $0.key &+ UInt32($0.value) &- expected) > 0
    }) {
      let end = start &+ UInt32(count)
      arrived += Int(end &- expected)
      expected = end
      early[start] = nil
    }
    answer(flags: 0x10, options: [])
  }

  private func answer(flags: UInt8, options: [UInt8]) {
    var segment = Frames.bytes(UInt16(80)) + Frames.bytes(ourPort)
    let number: UInt32 = flags & 0x02 != 0 ? 5000 : 5001
    segment += Frames.bytes(number) + Frames.bytes(expected)
    segment += [UInt8((20 + options.count) / 4) << 4, flags]
    segment += Frames.bytes(UInt16(64000)) + [0, 0, 0, 0] + options
    let pseudo =
      Frames.bytes(Hosts.remoteAddress) + Frames.bytes(Hosts.ourAddress)
      + [0, 6] + Frames.bytes(UInt16(segment.count))
    let sum = Frames.bytes(checksum(pseudo + segment))
    host.receive(
      Frames.ethernet(
        from: Hosts.gateway,
        Frames.ipv4(
          protocol: 6,
          from: Hosts.remoteAddress,
          segment.replacing(at: 16, with: sum)
        )
      ),
      at: seconds
    )
  }
}
