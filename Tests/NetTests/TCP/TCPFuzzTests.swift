import BasicContainers
import Packets
import Testing

@testable import Net

/// A peer and an app that do anything, in any order: nothing traps, nothing is
/// sent without end, nothing is lost from the pool, no slot stays taken.
@Suite struct TCPFuzzTests {
  static func flags(_ random: inout RandomNumbers) -> TCPHeader.Flags {
    switch Int.random(in: 0..<12, using: &random) {
    case 0: .syn
    case 1: [.syn, .acknowledgement]
    case 2: [.fin, .acknowledgement]
    case 3: [.reset, .acknowledgement]
    case 4: .reset
    case 5: TCPHeader.Flags(rawValue: UInt8.random(in: 0...255, using: &random))
    case 6, 7: [.push, .acknowledgement]
    default: .acknowledgement
    }
  }

  /// Mostly near to what is expected, sometimes anywhere.
  static func offset(_ random: inout RandomNumbers) -> Int {
    switch Int.random(in: 0..<10, using: &random) {
    case 0: Int(Int32.random(in: .min ... .max, using: &random))
    case 1: Int.random(in: -70_000...70_000, using: &random)
    case 2, 3: Int.random(in: -20...2000, using: &random)
    default: 0
    }
  }

  static func segment(
    for harness: TCPHarness,
    _ id: ConnectionID?,
    _ random: inout RandomNumbers
  ) -> PacketBuffer {
    var sequence = harness.irs
    var number = harness.iss
    if let id, let index = harness.tcp.index(of: id) {
      sequence = harness.tcp.slots[index].connection.receive.next
      number = harness.tcp.slots[index].connection.send.next
    }
    var header = TCPHeader(
      sourcePort: harness.remotePort,
      destinationPort: harness.localPort,
      sequenceNumber: sequence + offset(&random),
      flags: flags(&random)
    )
    header.acknowledgementNumber = number + offset(&random)
    header.window = [0, 1, 500, 5000, 65_535].randomElement(using: &random)!
    if header.flags.contains(.syn) {
      header.options.maximumSegmentSize = UInt16.random(
        in: 0...2000,
        using: &random
      )
      header.options.windowScale = UInt8.random(in: 0...20, using: &random)
      header.options.isSACKPermitted = Bool.random(using: &random)
    } else {
      addBlocks(to: &header, near: number, &random)
    }
    addTimestamp(to: &header, harness, id, &random)
    header.urgentPointer = UInt16.random(in: 0...4000, using: &random)
    var packet = harness.pool.allocate(headroom: 128)!
    if Bool.random(using: &random) {
      packet.append(Int.random(in: 0...1460, using: &random))
    }
    packet.prepend(header, from: TCPHarness.theirs, to: TCPHarness.ours)
    return packet
  }

  /// Sometimes selective acknowledgements, of what was sent and of what was not,
  /// upside down and empty.
  private static func addBlocks(
    to header: inout TCPHeader,
    near number: SequenceNumber,
    _ random: inout RandomNumbers
  ) {
    guard Int.random(in: 0..<3, using: &random) == 0 else { return }
    for _ in 0..<Int.random(in: 1...2, using: &random) {
      let start = number - Int.random(in: -2000...9000, using: &random)
      let length = Int.random(in: -100...3000, using: &random)
      header.options.append(SACKBlock(start: start, end: start + length))
    }
  }

  /// Mostly a timestamp, near to the last one or anywhere.
  private static func addTimestamp(
    to header: inout TCPHeader,
    _ harness: TCPHarness,
    _ id: ConnectionID?,
    _ random: inout RandomNumbers
  ) {
    guard Int.random(in: 0..<4, using: &random) > 0 else { return }
    var recent: UInt32 = 0xFFFF_FF00
    var echo: UInt32 = 0
    if let id, let index = harness.tcp.index(of: id) {
      recent = harness.tcp.slots[index].connection.timestamps.recent
      echo = harness.tcp.slots[index].connection.timestamps.value(
        at: harness.now
      )
    }
    let ahead = UInt32(truncatingIfNeeded: offset(&random))
    header.options.timestamp = TCPOptions.Timestamp(
      value: recent &+ ahead,
      echo: echo &- UInt32.random(in: 0...300, using: &random)
    )
  }

  /// What an app may set.
  private static func set(
    _ harness: TCPHarness,
    _ id: ConnectionID,
    _ random: inout RandomNumbers
  ) {
    let isOn = Bool.random(using: &random)
    switch Int.random(in: 0..<5, using: &random) {
    case 0: harness.tcp.setCork(id, isOn, at: harness.now)
    case 1: harness.tcp.setNoDelay(id, isOn, at: harness.now)
    case 2:
      harness.tcp.setKeepalive(
        id,
        after: isOn ? .seconds(3) : nil,
        at: harness.now
      )
    case 3:
      harness.tcp.setUserTimeout(
        id,
        isOn ? .seconds(9) : nil,
        at: harness.now
      )
    default:
      _ = try? harness.tcp.write(
        id,
        pattern(700).rawSpan,
        isUrgent: isOn,
        at: harness.now
      )
    }
  }

  @Test(arguments: 0..<60 as Range<UInt64>)
  func anything_endsWhereItBegan(seed: UInt64) throws {
    var random = RandomNumbers(seed: SipHash.Key(seed, 5))
    var limits = TCPHarness.limits
    limits.receiveBuffer = 8192
    limits.sendBuffer = 8192
    limits.outOfOrderSegments = 8
    let harness = TCPHarness(limits: limits)
    let listener = try harness.listen(backlog: 3)
    var ids: [ConnectionID] = []
    for step in 0..<600 {
      let id = ids.randomElement(using: &random)
      if let id, let local = harness.tcp.local(id),
        let remote = harness.tcp.remote(id)
      {
        harness.localPort = local.port
        harness.remotePort = remote.port
      } else {
        harness.localPort = 80
        harness.remotePort = UInt16.random(in: 5000..<5004, using: &random)
      }
      harness.freePackets = Bool.random(using: &random) ? 500 : 10
      switch Int.random(in: 0..<18, using: &random) {
      case 17:
        if let id { Self.set(harness, id, &random) }
      case 0: harness.wait(Int64.random(in: 0...100_000, using: &random))
      case 1: harness.wait(Int64.random(in: 0...300, using: &random))
      case 2:
        if let id { _ = try? harness.write(id, pattern(3000)) }
      case 3, 4:
        if let id { _ = harness.read(id) }
      case 5:
        if let id { harness.close(id) }
      case 6:
        if let id, Int.random(in: 0..<4, using: &random) == 0 {
          harness.abort(id)
        }
      case 7:
        if let id, Int.random(in: 0..<4, using: &random) == 0 {
          harness.release(id)
          ids.removeAll { $0 == id }
        }
      case 8:
        if let id = harness.accept(listener) { ids.append(id) }
      case 9:
        if ids.count < 6,
          let id = try? harness.tcp.connect(
            from: TCPHarness.ours,
            to: Endpoint(address: TCPHarness.theirs, port: 7),
            maximumSegmentSize: 1460,
            at: harness.now
          )
        {
          ids.append(id)
        }
      default:
        harness.receive(
          Self.segment(for: harness, id, &random),
          ecn: ECNCodepoint(rawValue: UInt8.random(in: 0...3, using: &random))!
        )
      }
      var sent = 0
      while harness.tcp.transmit(at: harness.now, pool: harness.pool) != nil {
        sent += 1
        if sent > 1000 { break }
      }
      #expect(sent <= 1000, "seed \(seed) step \(step)")
      _ = harness.events()
    }
    // The app lets go of all, and time passes.
    harness.tcp.stopListening(listener, at: harness.now)
    for id in ids { harness.release(id) }
    for _ in 0..<1000 {
      while harness.tcp.transmit(at: harness.now, pool: harness.pool) != nil {}
      guard let deadline = harness.tcp.deadline else { break }
      harness.now = max(harness.now, deadline)
      harness.tcp.poll(at: harness.now)
    }
    #expect(harness.tcp.deadline == nil, "seed \(seed)")
    #expect(harness.tcp.connectionCount == 0, "seed \(seed)")
    let slots = harness.tcp.slots.count
    #expect(harness.tcp.freeSlots == slots, "seed \(seed)")
    #expect(harness.tcp.timeWait.count == 0, "seed \(seed)")
    #expect(harness.tcp.outlets[0].sending.count == 0, "seed \(seed)")
    #expect(harness.pool.available == harness.pool.capacity, "seed \(seed)")
  }

  /// Bytes that are no segment at all, with a right checksum or not.
  @Test(arguments: 0..<4 as Range<UInt64>)
  func anyBytes_doNothing(seed: UInt64) throws {
    var random = RandomNumbers(seed: SipHash.Key(seed, 6))
    let harness = TCPHarness()
    _ = try harness.listen(backlog: 3)
    for _ in 0..<3000 {
      var packet = harness.pool.allocate(headroom: 128)!
      let bytes = (0..<Int.random(in: 0...80, using: &random)).map { _ in
        UInt8.random(in: 0...255, using: &random)
      }
      packet.append(copying: bytes.rawSpan)
      if bytes.count >= 20 {
        var target = packet.mutableBytes
        target.storeBigEndian(UInt16(0), at: TCPHeader.Field.checksum)
        TCPHeader.fillChecksum(
          in: &packet,
          from: TCPHarness.theirs,
          to: TCPHarness.ours
        )
      }
      harness.receive(packet)
      while harness.tcp.transmit(at: harness.now, pool: harness.pool) != nil {}
    }
    #expect(harness.tcp.counters.malformed > 0)
    #expect(harness.pool.available == harness.pool.capacity)
  }
}
