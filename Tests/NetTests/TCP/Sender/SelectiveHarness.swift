import Packets
import Testing

@testable import Net

/// A peer that sends selective acknowledgements.
extension TCPHarness {
  /// A connection whose peer permits them, accepted, with segments of 1,000
  /// bytes and a round trip of `roundTrip` milliseconds.
  static func selective(
    limits: TCPLimits = TCPHarness.limits,
    roundTrip: Int64 = 0
  ) -> (TCPHarness, ConnectionID) {
    let harness = TCPHarness(limits: limits)
    let listener = try! harness.tcp.listen(port: port, backlog: 4)
    harness.receive(.syn, 0, nil, [], permits: true)
    _ = harness.learnInitial()
    harness.wait(roundTrip)
    harness.receive(.acknowledgement, 1, 1, [])
    let id = harness.accept(listener)!
    _ = harness.events()
    return (harness, id)
  }

  /// An acknowledgement of all before `number`, and of the blocks.
  func acknowledge(
    _ number: Int,
    _ blocks: Range<Int>...,
    window: Int = 65535
  ) {
    receive(.acknowledgement, 1, number, blocks, window: window)
  }

  private func receive(
    _ flags: TCPHeader.Flags,
    _ sequence: Int,
    _ number: Int?,
    _ blocks: [Range<Int>],
    window: Int = 65535,
    permits: Bool = false
  ) {
    var header = TCPHeader(
      sourcePort: remotePort,
      destinationPort: localPort,
      sequenceNumber: irs + sequence,
      flags: flags
    )
    header.window = UInt16(window)
    if let number { header.acknowledgementNumber = iss + number }
    if permits {
      header.options.isSACKPermitted = true
      header.options.maximumSegmentSize = 1000
    }
    for block in blocks {
      header.options.append(
        SACKBlock(start: iss + block.lowerBound, end: iss + block.upperBound)
      )
    }
    var packet = pool.allocate(headroom: 128)!
    packet.prepend(header, from: Self.theirs, to: Self.ours)
    receive(packet)
  }

  /// What goes out now: where each segment begins.
  func sequences() -> [Int] { drain().map(\.sequence) }

  /// The connection in its slot.
  func flightText(_ id: ConnectionID) -> String {
    let index = Int(id.index)
    let count = tcp.slots[index].connection.flight.count
    return (0..<count).map { record in
      let segment = tcp.slots[index].connection.flight[record]
      var text = "\(segment.start - iss)-\(segment.end - iss)"
      if segment.flags.contains(.lost) { text += "L" }
      if segment.flags.contains(.retransmitted) { text += "R" }
      if segment.flags.contains(.sacked) { text += "S" }
      return text
    }.joined(separator: " ")
  }
}
