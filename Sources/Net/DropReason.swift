/// Why a packet was dropped. Every drop has one of these and is counted under
/// it in ``StackCounters``.
///
/// Segments that TCP drops are counted by TCP.
public enum DropReason: Int, Error, CaseIterable, Sendable {
  // MARK: Ethernet

  /// Shorter than an Ethernet header.
  case frameTruncated
  /// Sent to another interface.
  case frameNotForUs
  /// The source address names a group, which no sender has.
  case frameSourceInvalid
  /// Neither ARP nor IPv4.
  case frameTypeUnknown

  // MARK: ARP

  /// Shorter than an ARP packet for Ethernet and IPv4.
  case arpTruncated
  /// Not Ethernet, not IPv4, or neither request nor reply.
  case arpMalformed
  /// The sender's addresses are not those of one host.
  case arpSenderInvalid
  /// Another host claims our address.
  case arpConflict
  /// A request for another host that tells us nothing new.
  case arpNotForUs
  /// A reply that nobody here waits for.
  case arpUnsolicited

  // MARK: IPv4

  /// Shorter than its header or its total length says.
  case ipv4Truncated
  /// The version is not 4.
  case ipv4Version
  /// The header length is below 20 bytes or beyond the total length.
  case ipv4HeaderLength
  /// The header's checksum is wrong.
  case ipv4Checksum
  /// An option has no length, or one beyond the header.
  case ipv4OptionMalformed
  /// An option asks for a source route, which a host need not follow.
  case ipv4SourceRoute
  /// The source is not the address of one other host.
  case ipv4SourceInvalid
  /// Sent to a group that this host is not in.
  case ipv4Multicast
  /// Sent to another host.
  case ipv4NotForUs
  /// Not for the DHCP client, before an address is bound.
  case ipv4NoAddress
  /// Neither ICMP, UDP nor TCP.
  case ipv4ProtocolUnknown
  /// TCP to a broadcast address.
  case tcpBroadcast
  /// Not TCP, in several buffers, and too large for one of the stack's.
  case ipv4TooLarge

  // MARK: ICMP

  /// Shorter than an ICMP header.
  case icmpTruncated
  /// The checksum is wrong.
  case icmpChecksum
  /// A type that this host has no use for.
  case icmpTypeIgnored
  /// An echo request to every host of the link, which a host may ignore.
  case icmpBroadcastEcho
  /// An error that quotes no datagram of ours, or one of UDP that no socket has
  /// sent.
  case icmpQuoteInvalid

  // MARK: UDP

  /// Shorter than a UDP header.
  case udpTruncated
  /// The length is below 8 bytes or beyond the IP datagram.
  case udpLength
  /// The checksum is wrong.
  case udpChecksum
  /// No socket has the port.
  case udpPortClosed
  /// The socket, or all together, hold as many datagrams as they may.
  case udpQueueFull
  /// The socket was closed while datagrams waited to be sent, or to be read.
  case udpSocketClosed

  // MARK: DHCP

  /// Shorter than a DHCP message with its magic cookie.
  case dhcpTruncated
  /// Not a reply over Ethernet with the magic cookie.
  case dhcpMalformed
  /// An option reaches beyond its field, or has a length that is not its own.
  case dhcpOptionMalformed
  /// The transaction is another, or another client's.
  case dhcpNotForUs
  /// A message that the client does not wait for in its state.
  case dhcpUnexpected
  /// From another server than the one asked, or one that is not named.
  case dhcpServerInvalid
  /// The address, mask or time it grants cannot be used.
  case dhcpLeaseInvalid
  /// An option that the lease is good without is malformed, or its value is out
  /// of bounds; the message itself is taken.
  case dhcpOptionRefused
  /// A route of a lease that there is no place for: the lease has too many, or
  /// the table is full. What else it brings is taken.
  case dhcpRouteRefused

  // MARK: Sending

  /// The pool had no buffer for a packet of ours.
  case noBuffer
  /// As many replies and requests wait as may.
  case controlQueueFull
  /// An ICMP error beyond the permitted rate.
  case icmpRateLimited
  /// It waited for a neighbour, and a newer packet took its place; or it is the
  /// rest of a datagram to which that has happened.
  case neighbourPending
  /// The neighbour did not answer, or every place for one is busy.
  case neighbourUnreachable
  /// No route leads to the destination.
  case noRoute
  /// The address it would be sent from was given up.
  case addressLost
  /// The link carried nothing until it was too late.
  case linkDown
  /// Larger than the MTU.
  case tooLarge
  /// Made for a device that could do more than the one there is now.
  case linkChanged

  // MARK: Link and IP

  /// An ARP packet of our own that came back.
  case arpEcho
  /// A part of a datagram that cannot be one: empty, too long, not whole eights
  /// of bytes, or cut within the header of TCP.
  case ipv4FragmentInvalid
  /// A part that does not fit those that are there; they are all dropped.
  case ipv4FragmentOverlap
  /// Parts that are not of one mind about congestion. RFC 3168 §5.3.
  case ipv4FragmentECN
  /// A datagram of which parts were missing for too long.
  case ipv4FragmentTimeout
  /// A datagram in parts that made room for another.
  case ipv4FragmentEvicted
  /// A "would fragment" about nothing that is in flight, or that says nothing
  /// new.
  case icmpPathIgnored
  /// An IGMP message that is too short, has a length that no version has, or a
  /// wrong checksum.
  case igmpMalformed
  /// An IGMP message that a host has no use for.
  case igmpIgnored
  /// More waits on the way to ourselves than may.
  case loopbackFull

  // MARK: DHCP, DNS and names

  // MARK: TCP sender

  // MARK: TCP receiver and defence

  // MARK: Scale
}

extension DropReason {
  /// The name under which the status page shows the count.
  public var name: StaticString {
    switch self {
    case .frameTruncated: "ethernet: truncated"
    case .frameNotForUs: "ethernet: not for us"
    case .frameSourceInvalid: "ethernet: invalid source"
    case .frameTypeUnknown: "ethernet: unknown type"
    case .arpTruncated: "arp: truncated"
    case .arpMalformed: "arp: malformed"
    case .arpSenderInvalid: "arp: invalid sender"
    case .arpConflict: "arp: our address claimed"
    case .arpNotForUs: "arp: not for us"
    case .arpUnsolicited: "arp: unsolicited"
    case .ipv4Truncated: "ipv4: truncated"
    case .ipv4Version: "ipv4: version"
    case .ipv4HeaderLength: "ipv4: header length"
    case .ipv4Checksum: "ipv4: checksum"
    case .ipv4OptionMalformed: "ipv4: malformed option"
    case .ipv4SourceRoute: "ipv4: source route"
    case .ipv4SourceInvalid: "ipv4: invalid source"
    case .ipv4Multicast: "ipv4: multicast"
    case .ipv4NotForUs: "ipv4: not for us"
    case .ipv4NoAddress: "ipv4: no address yet"
    case .ipv4ProtocolUnknown: "ipv4: unknown protocol"
    case .tcpBroadcast: "tcp: broadcast"
    case .ipv4TooLarge: "ipv4: too large"
    case .icmpTruncated: "icmp: truncated"
    case .icmpChecksum: "icmp: checksum"
    case .icmpTypeIgnored: "icmp: ignored type"
    case .icmpBroadcastEcho: "icmp: broadcast echo"
    case .icmpQuoteInvalid: "icmp: invalid quote"
    case .udpTruncated: "udp: truncated"
    case .udpLength: "udp: length"
    case .udpChecksum: "udp: checksum"
    case .udpPortClosed: "udp: closed port"
    case .udpQueueFull: "udp: queue full"
    case .udpSocketClosed: "udp: socket closed"
    case .dhcpTruncated: "dhcp: truncated"
    case .dhcpMalformed: "dhcp: malformed"
    case .dhcpOptionMalformed: "dhcp: malformed option"
    case .dhcpNotForUs: "dhcp: not for us"
    case .dhcpUnexpected: "dhcp: unexpected"
    case .dhcpServerInvalid: "dhcp: invalid server"
    case .dhcpLeaseInvalid: "dhcp: invalid lease"
    case .dhcpOptionRefused: "dhcp: refused option"
    case .dhcpRouteRefused: "dhcp: refused route"
    case .noBuffer: "send: no buffer"
    case .controlQueueFull: "send: control queue full"
    case .icmpRateLimited: "send: icmp rate limited"
    case .neighbourPending: "send: neighbour pending"
    case .neighbourUnreachable: "send: neighbour unreachable"
    case .noRoute: "send: no route"
    case .addressLost: "send: address lost"
    case .linkDown: "send: link down"
    case .tooLarge: "send: too large"
    case .linkChanged: "send: link changed"

    // MARK: Link and IP

    case .arpEcho: "arp: our own"
    case .ipv4FragmentInvalid: "ipv4: invalid fragment"
    case .ipv4FragmentOverlap: "ipv4: fragments overlap"
    case .ipv4FragmentECN: "ipv4: fragments differ in ecn"
    case .ipv4FragmentTimeout: "ipv4: fragments missing"
    case .ipv4FragmentEvicted: "ipv4: fragments made room"
    case .icmpPathIgnored: "icmp: path mtu ignored"
    case .igmpMalformed: "igmp: malformed"
    case .igmpIgnored: "igmp: ignored type"
    case .loopbackFull: "loopback: full"

    // MARK: DHCP, DNS and names

    // MARK: TCP sender

    // MARK: TCP receiver and defence

    // MARK: Scale

    }
  }
}
