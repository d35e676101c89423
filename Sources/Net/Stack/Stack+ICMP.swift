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
    at now: Instant
  ) throws(DropReason) {
    let message = try ICMPv4Message(parsing: packet.bytes)
    switch message.type {
    case ICMPv4Message.MessageType.echoRequest:
      // RFC 1122 §3.2.2.6: a host may ignore an echo request to all, and not
      // to be an amplifier it does.
      guard !isBroadcast else { throw DropReason.icmpBroadcastEcho }
      sendEchoReply(packet, to: message, header, at: now)
    case ICMPv4Message.MessageType.destinationUnreachable:
      packet.removeFirst(ICMPv4Message.headerSize)
      try receiveUnreachable(packet.bytes, message, at: now)
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
    prependIPv4(
      to: &reply,
      IPv4Header.ProtocolNumber.icmp,
      from: header.destination,
      to: header.source
    )
    sendControl(reply, at: now)
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
  /// could not be delivered, where RFC 1122 §3.2.2 permits it: not to all, not
  /// to none, not about a fragment, and not about an error.
  mutating func sendUnreachable(
    _ code: UInt8,
    about datagram: borrowing PacketBuffer,
    _ header: IPv4Header,
    isBroadcast: Bool,
    at now: Instant
  ) {
    // The checks before have seen to the source and the fragments; and of ICMP
    // messages this host has none undelivered.
    guard !isBroadcast, route != nil else { return }
    guard errorBucket.take(at: now) else {
      count.drop(.icmpRateLimited)
      return
    }
    guard var packet = makePacket() else { return }
    let quoted = min(datagram.count, Self.quoteLimit)
    packet.append(ICMPv4Message.headerSize)
    packet.append(copying: datagram.bytes.extracting(0..<quoted))
    var bytes = packet.mutableBytes
    ICMPv4Message(
      type: ICMPv4Message.MessageType.destinationUnreachable,
      code: code,
      rest: 0
    ).write(to: &bytes)
    count.icmpErrorsSent &+= 1
    prependIPv4(
      to: &packet,
      IPv4Header.ProtocolNumber.icmp,
      from: header.destination,
      to: header.source
    )
    sendControl(packet, at: now)
  }

  private mutating func receiveUnreachable(
    _ quote: RawSpan,
    _ message: ICMPv4Message,
    at now: Instant
  ) throws(DropReason) {
    guard let header = try? IPv4Header(quoted: quote),
      header.source == route?.address,
      quote.byteCount >= header.length + Self.smallestQuote
    else { throw DropReason.icmpQuoteInvalid }
    count.unreachablesReceived &+= 1
    // RFC 1122 §4.2.3.9: protocol and port unreachable are hard errors, the
    // others may pass.
    let isHard =
      message.code == ICMPv4Message.UnreachableCode.protocolUnreachable
      || message.code == ICMPv4Message.UnreachableCode.portUnreachable
    tellUnreachable(quote, isHard: isHard, at: now)
  }

  /// Tells whoever sent `datagram`, of which there are at least the IP header
  /// and eight bytes, that it did not arrive.
  mutating func tellUnreachable(
    _ datagram: RawSpan,
    isHard: Bool,
    at now: Instant
  ) {
    guard let header = try? IPv4Header(quoted: datagram),
      datagram.byteCount >= header.length + Self.smallestQuote
    else { return }
    // TCP and UDP have both ports first, and TCP its sequence number next.
    let payload = datagram.extracting(header.length..<datagram.byteCount)
    let sourcePort = payload.bigEndian(at: 0, as: UInt16.self)
    let destinationPort = payload.bigEndian(at: 2, as: UInt16.self)
    switch header.protocolNumber {
    case IPv4Header.ProtocolNumber.udp:
      udp.noteUnreachable(port: sourcePort)
    case IPv4Header.ProtocolNumber.tcp:
      tcp.destinationUnreachable(
        local: Endpoint(address: header.source, port: sourcePort),
        remote: Endpoint(
          address: header.destination,
          port: destinationPort
        ),
        sequenceNumber: payload.bigEndian(at: 4),
        isHard: isHard,
        at: now
      )
    default:
      break
    }
  }
}
