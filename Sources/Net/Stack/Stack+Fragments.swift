import BasicContainers
import Packets

/// Datagrams in parts, coming and going. RFC 791 §2.3.
extension Stack {
  /// Takes a part of a datagram, from its IP header on, and the whole if it was
  /// the last that was missing.
  ///
  /// `isLoopedBack`: it is from this host itself.
  mutating func receivePart(
    _ packet: consuming PacketBuffer,
    _ header: IPv4Header,
    isBroadcast: Bool,
    isLoopedBack: Bool,
    on interface: Int,
    at now: Instant
  ) throws(DropReason) {
    // DHCP does without: before there is an address nothing is kept.
    guard isLoopedBack || interfaces[interface].route != nil else {
      throw DropReason.ipv4NoAddress
    }
    guard
      let whole = try reassemble(
        packet,
        header,
        over: isLoopedBack ? nil : interface,
        at: now
      )
    else { return }
    let wholeHeader = try IPv4Header(checked: whole)
    try receive(
      whole,
      wholeHeader,
      isBroadcast: isBroadcast,
      on: interface,
      at: now
    )
  }

  /// Takes a part in; the whole datagram if it was the last that was missing.
  ///
  /// One that the stack's own slots hold is copied to one, so that those of the
  /// largest size are held only by what needs them.
  private mutating func reassemble(
    _ packet: consuming PacketBuffer,
    _ header: IPv4Header,
    over interface: Int?,
    at now: Instant
  ) throws(DropReason) -> PacketBuffer? {
    let part = try inOneSlot(packet)
    var evicted = 0
    defer { count.drop(.ipv4FragmentEvicted, count: evicted) }
    guard
      let whole = try reassembly.add(
        part,
        header,
        over: interface,
        evicted: &evicted,
        at: now
      )
    else { return nil }
    count.reassembled &+= 1
    return try inOwnSlots(whole, header.protocolNumber)
  }

  /// A copy of what may be kept for long, or needs no buffer of the largest
  /// size: such a buffer is for what else needs one.
  @_addressableSelf
  private func inOwnSlots(
    _ whole: consuming PacketBuffer,
    _ protocolNumber: UInt8
  ) throws(DropReason) -> PacketBuffer {
    if whole.count + Self.payloadHeadroom <= pool.bytesPerPacket {
      guard var copy = pool.allocate(headroom: Self.payloadHeadroom) else {
        throw DropReason.noBuffer
      }
      copy.append(copying: whole.bytes)
      return copy
    }
    // TCP keeps text until it is its turn, or until the app reads it.
    guard protocolNumber == IPv4Header.ProtocolNumber.tcp else { return whole }
    return try inPieces(whole)
  }

  /// A copy in several slots, as a device makes one of merged segments.
  @_addressableSelf
  private func inPieces(
    _ whole: borrowing PacketBuffer
  ) throws(DropReason) -> PacketBuffer {
    let bytes = whole.bytes
    guard var copy = pool.allocate() else { throw DropReason.noBuffer }
    // Behind the first piece there is room for the records of the others.
    let records = PacketBuffer.fragmentTailroom * PacketBuffer.mostFragments
    var start = min(bytes.byteCount, copy.tailroom - records)
    copy.append(copying: bytes.extracting(0..<start))
    while start < bytes.byteCount {
      guard var piece = pool.allocate() else { throw DropReason.noBuffer }
      let end = min(start + piece.tailroom, bytes.byteCount)
      piece.append(copying: bytes.extracting(start..<end))
      copy.append(fragment: piece)
      start = end
    }
    return copy
  }

  /// Gives up what is not whole in time, and says so. RFC 792.
  mutating func pollReassembly(at now: Instant) {
    while let expired = reassembly.nextExpired(at: now) {
      count.drop(.ipv4FragmentTimeout)
      switch consume expired {
      case .silent: break
      case .quotable(let packet, let interface):
        // This host tells itself nothing.
        guard let interface else { continue }
        sendTimeExceeded(about: packet, on: interface, at: now)
      }
    }
  }

  private mutating func sendTimeExceeded(
    about packet: borrowing PacketBuffer,
    on interface: Int,
    at now: Instant
  ) {
    guard let header = try? IPv4Header(quoted: packet.bytes) else { return }
    sendError(
      ICMPv4Message(
        type: ICMPv4Message.MessageType.timeExceeded,
        code: ICMPv4Message.TimeExceededCode.reassembly,
        rest: 0
      ),
      about: packet,
      header,
      isBroadcast: header.destination != interfaces[interface].route?.address,
      on: interface,
      at: now
    )
  }

  // MARK: Sending

  /// The payload of each part but the last, behind a header of 20 bytes.
  @_addressableSelf
  private func partSize(
    to destination: IPv4Address,
    on interface: Int,
    at now: Instant
  ) -> Int {
    (pathMTU(to: destination, on: interface, at: now) - IPv4Header.size) & ~7
  }

  /// How many buffers a datagram of `payloadLength` bytes behind its IP header
  /// takes.
  @_addressableSelf
  func partCount(
    of payloadLength: Int,
    to destination: IPv4Address,
    on interface: Int,
    at now: Instant
  ) -> Int {
    let most =
      pathMTU(to: destination, on: interface, at: now) - IPv4Header.size
    if payloadLength <= most { return 1 }
    let size = partSize(to: destination, on: interface, at: now)
    return (payloadLength + size - 1) / size
  }

  /// The parts of a datagram, from their IP headers on: `payload`, behind the
  /// UDP header if there is one. All of them or, counted, none.
  mutating func parts(
    of payload: RawSpan,
    behind udp: UDPHeader?,
    _ protocolNumber: UInt8,
    from source: IPv4Address,
    to destination: IPv4Address,
    timeToLive: UInt8,
    on interface: Int,
    at now: Instant
  ) -> PacketQueue {
    var parts = PacketQueue()
    let headSize = udp == nil ? 0 : UDPHeader.size
    let total = headSize + payload.byteCount
    let size = partSize(to: destination, on: interface, at: now)
    let needed = partCount(of: total, to: destination, on: interface, at: now)
    guard pool.available >= needed else {
      count.drop(.noBuffer)
      return parts
    }
    let identification = identification
    self.identification &+= 1
    var offset = 0
    while offset < total {
      let end = min(offset + size, total)
      guard var packet = makePacket(headroom: headSize) else {
        return PacketQueue()
      }
      let start = max(offset - headSize, 0)
      packet.append(copying: payload.extracting(start..<end - headSize))
      if offset == 0, let udp {
        packet.prepend(UDPHeader.size)
        var bytes = packet.mutableBytes
        udp.write(
          to: &bytes,
          before: payload,
          source: IPAddress(source),
          destination: IPAddress(destination)
        )
      }
      let header = IPv4Header(
        protocolNumber: protocolNumber,
        identification: identification,
        source: source,
        destination: destination,
        payloadLength: end - offset,
        timeToLive: timeToLive,
        fragmentOffset: offset,
        hasMoreFragments: end < total
      )
      packet.prepend(header.length)
      var bytes = packet.mutableBytes
      header.write(to: &bytes)
      parts.append(packet)
      offset = end
    }
    count.fragmentsSent &+= UInt64(parts.count)
    return parts
  }
}
