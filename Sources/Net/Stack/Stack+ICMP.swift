import BasicContainers
import Packets

/// Echoes and errors. RFC 792, RFC 1122 §3.2.2.
extension Stack {
  /// The most bytes of a datagram that an error quotes: the error has 576
  /// bytes then, which every host takes. RFC 1812 §4.3.2.3.
  private static let quoteLimit =
    576 - IPv4Header.size
    - ICMPv4Message.headerSize
  /// What an error quotes of the payload at least. RFC 792.
  private static let smallestQuote = 8

  /// Takes a message, which `header` was before.
  mutating func receiveICMP(
    _ packet: consuming PacketBuffer,
    _ header: IPv4Header,
    isBroadcast: Bool,
    on interface: Int,
    at now: Instant
  ) throws(DropReason) {
    let message = try ICMPv4Message(parsing: packet.bytes)
    switch message.type {
    case ICMPv4Message.MessageType.echoRequest:
      // RFC 1122 §3.2.2.6: a host may ignore an echo request to all, and not
      // to be an amplifier it does.
      guard !isBroadcast else { throw DropReason.icmpBroadcastEcho }
      sendEchoReply(packet, to: message, header, on: interface, at: now)
    case ICMPv4Message.MessageType.destinationUnreachable,
      ICMPv4Message.MessageType.timeExceeded,
      ICMPv4Message.MessageType.parameterProblem:
      // RFC 1122 §3.2.2: about what was sent to all there are no errors, and
      // none comes to all.
      guard !isBroadcast else { throw DropReason.icmpQuoteInvalid }
      packet.removeFirst(ICMPv4Message.headerSize)
      try receiveError(
        packet.bytes,
        message,
        header,
        on: interface,
        at: now
      )
    default:
      throw DropReason.icmpTypeIgnored
    }
  }

  // MARK: Echo

  /// Sends the packet back as a reply: the data stay where they are.
  private mutating func sendEchoReply(
    _ request: consuming PacketBuffer,
    to message: ICMPv4Message,
    _ header: IPv4Header,
    on interface: Int,
    at now: Instant
  ) {
    guard var reply = withHeadroom(request) else { return }
    reply.clearOffload()
    var bytes = reply.mutableBytes
    ICMPv4Message(
      type: ICMPv4Message.MessageType.echoReply,
      code: 0,
      rest: message.rest
    ).write(to: &bytes)
    count.echoesAnswered &+= 1
    if reply.count > interfaces[interface].linkMTU - IPv4Header.size {
      var parts = parts(
        of: reply.bytes,
        behind: nil,
        IPv4Header.ProtocolNumber.icmp,
        from: header.destination,
        to: header.source,
        timeToLive: IPv4Header.defaultTimeToLive,
        on: interface,
        at: now
      )
      while let part = parts.popFirst() {
        sendControl(part, on: interface, at: now)
      }
      return
    }
    prependIPv4(
      to: &reply,
      IPv4Header.ProtocolNumber.icmp,
      from: header.destination,
      to: header.source
    )
    sendControl(reply, on: interface, at: now)
  }

  /// The packet, or a copy where it can get its headers if it has no room.
  private mutating func withHeadroom(
    _ packet: consuming PacketBuffer
  ) -> PacketBuffer? {
    if packet.headroom >= Self.payloadHeadroom { return packet }
    guard var copy = makePacket() else { return nil }
    guard copy.tailroom >= packet.count else {
      count.drop(.tooLarge)
      return nil
    }
    copy.append(copying: packet.bytes)
    return copy
  }

  // MARK: Errors

  /// Tells the sender of `datagram`, which begins at its IP header, that it
  /// could not be delivered.
  mutating func sendUnreachable(
    _ code: UInt8,
    about datagram: borrowing PacketBuffer,
    _ header: IPv4Header,
    isBroadcast: Bool,
    on interface: Int,
    at now: Instant
  ) {
    sendError(
      ICMPv4Message(
        type: ICMPv4Message.MessageType.destinationUnreachable,
        code: code,
        rest: 0
      ),
      about: datagram,
      header,
      isBroadcast: isBroadcast,
      on: interface,
      at: now
    )
  }

  /// Tells the sender of `datagram`, which begins at its IP header, what has
  /// become of it, where RFC 1122 §3.2.2 permits it: not to all, not to none,
  /// not about a later part, and not about an error.
  mutating func sendError(
    _ error: ICMPv4Message,
    about datagram: borrowing PacketBuffer,
    _ header: IPv4Header,
    isBroadcast: Bool,
    on interface: Int,
    at now: Instant
  ) {
    // The checks before have seen to the source; and of parts, only the first
    // comes here.
    guard !isBroadcast, interfaces[interface].route != nil,
      !Self.isError(datagram, header)
    else { return }
    guard errorBucket.take(at: now) else {
      count.drop(.icmpRateLimited)
      return
    }
    guard var packet = makePacket() else { return }
    let quoted = min(datagram.count, Self.quoteLimit)
    packet.append(ICMPv4Message.headerSize)
    packet.append(copying: datagram.bytes.extracting(0..<quoted))
    var bytes = packet.mutableBytes
    error.write(to: &bytes)
    count.icmpErrorsSent &+= 1
    prependIPv4(
      to: &packet,
      IPv4Header.ProtocolNumber.icmp,
      from: header.destination,
      to: header.source
    )
    sendControl(packet, on: interface, at: now)
  }

  /// Whether the datagram is an ICMP message, and no question.
  private static func isError(
    _ datagram: borrowing PacketBuffer,
    _ header: IPv4Header
  ) -> Bool {
    guard header.protocolNumber == IPv4Header.ProtocolNumber.icmp else {
      return false
    }
    let bytes = datagram.bytes
    return bytes.byteCount <= header.length
      || bytes.byte(at: header.length) != ICMPv4Message.MessageType.echoRequest
  }

  /// Whether a datagram with the header `error` may say what has become of one
  /// with the header `quoted`: it goes to where that came from, and only this
  /// host knows of what never left it. RFC 1122 §3.2.1.3 (g), §3.2.2.
  @_addressableSelf
  private func mayQuote(_ quoted: IPv4Header, _ error: IPv4Header) -> Bool {
    quoted.source == error.destination
      && (!isThisHost(quoted.destination) || isThisHost(error.source))
  }

  /// Takes an error, which `outer` was before, about `quote`, the beginning of a
  /// datagram of ours.
  private mutating func receiveError(
    _ quote: RawSpan,
    _ message: ICMPv4Message,
    _ outer: IPv4Header,
    on interface: Int,
    at now: Instant
  ) throws(DropReason) {
    // Of later parts there is no port, and the first brought its own error.
    guard let header = try? IPv4Header(quoted: quote),
      mayQuote(header, outer), header.fragmentOffset == 0,
      quote.byteCount >= header.length + Self.smallestQuote
    else { throw DropReason.icmpQuoteInvalid }
    var isHard = false
    switch message.type {
    case ICMPv4Message.MessageType.timeExceeded:
      count.timeExceededReceived &+= 1
    case ICMPv4Message.MessageType.parameterProblem:
      count.parameterProblemsReceived &+= 1
    default:
      count.unreachablesReceived &+= 1
      if message.code == ICMPv4Message.UnreachableCode.fragmentationNeeded {
        return pathIsTooSmall(
          for: quote,
          header,
          message.nextMTU,
          on: interface,
          at: now
        )
      }
      // RFC 1122 §4.2.3.9: protocol and port unreachable are hard errors, the
      // others may pass.
      isHard =
        message.code == ICMPv4Message.UnreachableCode.protocolUnreachable
        || message.code == ICMPv4Message.UnreachableCode.portUnreachable
    }
    guard tellUnreachable(quote, isHard: isHard, on: interface, at: now) else {
      throw DropReason.icmpQuoteInvalid
    }
  }

  /// Tells whoever sent `datagram` over `interface`, of which there are at least
  /// the IP header and eight bytes, that it did not arrive. Returns `false` when
  /// that is an app, and no app has sent it; TCP counts those itself.
  mutating func tellUnreachable(
    _ datagram: RawSpan,
    isHard: Bool,
    on interface: Int,
    at now: Instant
  ) -> Bool {
    guard let header = try? IPv4Header(quoted: datagram),
      header.fragmentOffset == 0,
      datagram.byteCount >= header.length + Self.smallestQuote
    else { return false }
    let (local, remote) = Self.ends(of: datagram, header)
    switch header.protocolNumber {
    case IPv4Header.ProtocolNumber.udp:
      return udp.noteFailure(
        DatagramFailure(
          remote: remote,
          reason: isHard ? .refused : .unreachable
        ),
        port: local.port,
        on: interface
      )
    case IPv4Header.ProtocolNumber.tcp:
      tcp.destinationUnreachable(
        local: local,
        remote: remote,
        sequenceNumber: Self.sequenceNumber(of: datagram, header),
        isHard: isHard,
        on: interface,
        at: now
      )
      return true
    default:
      // The stack itself has sent it, and goes on as it would.
      return true
    }
  }

  /// Takes in that a datagram of ours was too large for a link on its way. RFC
  /// 1191.
  ///
  /// Only of TCP, which alone forbids routers to cut (§3), and only about what
  /// is in flight: RFC 5927 §4.1. What others can guess would make every
  /// connection to a host slow; so less than what has got through already is
  /// believed after a timeout only (§7.2).
  private mutating func pathIsTooSmall(
    for quote: RawSpan,
    _ header: IPv4Header,
    _ reported: Int,
    on interface: Int,
    at now: Instant
  ) {
    let (local, remote) = Self.ends(of: quote, header)
    guard header.protocolNumber == IPv4Header.ProtocolNumber.tcp,
      !header.mayFragment,
      let mtu = pathMTUs.plausible(
        reported: reported,
        length: header.totalLength
      )
    else { return count.drop(.icmpPathIgnored) }
    switch tcp.claim(
      mtu: mtu,
      about: Self.sequenceNumber(of: quote, header),
      local: local,
      remote: remote,
      on: interface
    ) {
    case .ignored: count.drop(.icmpPathIgnored)
    case .noted: count.pathMTUsNoted &+= 1
    case .believed:
      let slot = tcp.slot(local: local, remote: remote, on: interface)
      guard lowerPath(to: header.destination, mtu, of: slot, at: now) else {
        return count.drop(.icmpPathIgnored)
      }
    }
  }

  /// The way to `destination` carries no more than `mtu`, the connection in
  /// `slot` has found out. Returns whether that was not known, or not to it: one
  /// that has begun since makes segments as the link takes them.
  ///
  /// The others there are told of news alone, as it costs a look at all that
  /// there are.
  private mutating func lowerPath(
    to destination: IPv4Address,
    _ mtu: Int,
    of slot: UInt32?,
    at now: Instant
  ) -> Bool {
    let isNews = pathMTUs.lower(to: destination, mtu: mtu, at: now)
    if isNews { count.pathMTUsLowered &+= 1 }
    guard let path = pathMTUs.path(to: destination, at: now) else {
      return isNews
    }
    let address = IPAddress(destination)
    var isChanged = false
    if let slot {
      isChanged = tcp.pathIsSmaller(of: slot, to: address, path, at: now)
    }
    if isNews { tcp.pathIsSmaller(to: address, path, at: now) }
    return isNews || isChanged
  }

  /// Takes in what TCP has found out of ways, and tells it what is known of the
  /// one that it is about to use.
  mutating func exchangePathNews(at now: Instant) {
    tcp.hasPathNews = false
    while let path = tcp.nextSmallerPath() {
      guard let destination = path.address.ipv4 else { continue }
      _ = lowerPath(to: destination, path.mtu, of: path.slot, at: now)
    }
    guard let wanted = tcp.takePathWanted(), pathMTUs.count > 0,
      let destination = wanted.address.ipv4,
      let path = pathMTUs.path(to: destination, at: now)
    else { return }
    tcp.usePath(path, for: wanted.slot)
  }

  /// TCP and UDP have both ports first.
  private static func ends(
    of datagram: RawSpan,
    _ header: IPv4Header
  ) -> (local: Endpoint, remote: Endpoint) {
    let offset = header.length
    return (
      Endpoint(address: header.source, port: datagram.bigEndian(at: offset)),
      Endpoint(
        address: header.destination,
        port: datagram.bigEndian(at: offset + 2)
      )
    )
  }

  /// TCP has its sequence number next.
  private static func sequenceNumber(
    of datagram: RawSpan,
    _ header: IPv4Header
  ) -> UInt32 {
    datagram.bigEndian(at: header.length + 4)
  }
}
