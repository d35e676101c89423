import Fuzzing
import Net

/// What the peers of a ``StackPlay`` send.
extension StackPlay {
  /// A frame from the peer with `body` behind the IP header.
  func frame(
    of body: [UInt8],
    protocol number: UInt8 = 6,
    service: UInt8 = 0,
    field: Int? = 16
  ) -> [UInt8] {
    makeFrame(
      ethernet: Self.ownHardware + Self.peerHardware + [8, 0],
      from: Self.peerAddress,
      to: Self.ownAddress,
      protocol: number,
      service: service,
      field: field,
      body
    )
  }

  mutating func send(_ segment: Segment, _ place: Int, service: UInt8 = 0) {
    receive(frame(of: segment.bytes(peers[place]), service: service))
  }

  /// The acknowledgement that would be right.
  func plain(_ place: Int) -> Segment {
    let peer = peers[place]
    return Segment(
      flags: Segment.ack,
      number: peer.next,
      acknowledged: peer.end,
      options: peer.hasTimestamps
        ? Segment.timestamps(peer.clock, peer.echo) : []
    )
  }

  /// The next bytes of the stream, in order.
  mutating func sendData() {
    guard let place = choosePeer() else { return }
    var segment = plain(place)
    segment.payload = [UInt8](repeating: 0x62, count: 1 + Int(input.byte()) * 5)
    send(segment, place, service: input.byte() & 3)
    peers[place].next &+= UInt32(segment.payload.count)
    peers[place].acknowledged = peers[place].end
  }

  /// A segment that is off in any way.
  mutating func sendAnything() {
    guard let place = choosePeer() else { return }
    let peer = peers[place]
    var segment = plain(place)
    let choice = input.byte()
    if choice & 1 != 0 { segment.flags = input.byte() }
    if choice & 2 != 0 { segment.number &+= offset() }
    if choice & 4 != 0 { segment.acknowledged &+= offset() }
    if choice & 8 != 0 { segment.window = Int(input.number(as: UInt16.self)) }
    if choice & 16 != 0 {
      segment.payload = [UInt8](repeating: 0x63, count: Int(input.byte()) * 5)
    }
    if choice & 32 != 0 {
      segment.options = blocks(peer) + segment.options
      segment.acknowledged = peer.acknowledged
    }
    if choice & 64 != 0 {
      segment.options = Segment.timestamps(
        peer.clock &+ offset(),
        peer.echo &+ offset()
      )
    }
    if choice & 128 != 0 {
      segment.urgent = Int(input.byte())
      let count = input.index(below: 11) * 4
      segment.options = (0..<count).map { _ in input.byte() }
    }
    send(segment, place, service: input.byte() & 3)
    // What is in order is so from now on.
    if segment.number == peer.next {
      let ends = segment.flags & (Segment.fin | Segment.syn)
      peers[place].next &+=
        UInt32(segment.payload.count + ends.nonzeroBitCount)
    }
  }

  /// Selective acknowledgements of what the stack has in flight, or about.
  private func blocks(_ peer: Peer) -> [UInt8] {
    let blocks = (0..<1 + input.index(below: 4)).map { _ in
      let start = peer.acknowledged &+ offset()
      return (start, start &+ offset())
    }
    return Segment.blocks(blocks)
  }

  /// A distance: mostly small, either way, sometimes far.
  private func offset() -> UInt32 {
    let byte = input.byte()
    if byte == 0x80 { return input.number() }
    let value = Int32(Int8(bitPattern: byte))
    // Whole segments and parts of them.
    return UInt32(bitPattern: value * (byte & 1 != 0 ? 1460 : 1))
  }

  private func choosePeer() -> Int? {
    peers.isEmpty
      ? nil : peers.count - 1 - input.index(below: min(peers.count, 4))
  }

  /// An ICMP error about what the stack sent last. RFC 792, RFC 1191.
  mutating func sendError() {
    guard let sent = lastSent, sent.isIPv4 else { return }
    var body: [UInt8] = [3, input.byte() & 15, 0, 0, 0, 0, 0, 0]
    if input.flag() { body[0] = input.byte() }
    set16(&body, 6, Int(input.number(as: UInt16.self)))
    var quote = Array(sent.bytes[14..<min(sent.tcp + 8, sent.bytes.count)])
    if input.flag(), quote.count == 28 {
      set32(&quote, 24, sent.long(sent.tcp + 4) &+ offset())
    }
    receive(frame(of: body + quote, protocol: 1, field: 2))
  }

  /// The next bytes of the stream in IP fragments, in any order.
  mutating func sendInParts() {
    guard let place = choosePeer() else { return }
    var segment = plain(place)
    segment.payload = [UInt8](repeating: 0x64, count: 200 + Int(input.byte()))
    let whole = frame(of: segment.bytes(peers[place]))
    let body = Array(whole[34...])
    let step = 8 * (1 + input.index(below: 20))
    var parts = stride(from: 0, to: body.count, by: step).map { start in
      let end = min(start + step, body.count)
      let more = end < body.count ? 0x2000 : 0
      return makeFrame(
        ethernet: Array(whole[..<14]),
        from: Self.peerAddress,
        to: Self.ownAddress,
        protocol: 6,
        fragment: more | start / 8,
        Array(body[start..<end])
      )
    }
    parts.swapAt(0, input.index(below: parts.count))
    if input.flag() { parts.removeLast() }
    for part in parts { receive(part) }
  }
}
