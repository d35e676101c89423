/// What went through the stack since its start, and what did not, and why.
public struct StackCounters: Sendable {
  /// Frames that the device has handed up.
  public internal(set) var framesReceived: UInt64 = 0
  /// Bytes of these frames, Ethernet headers included.
  public internal(set) var bytesReceived: UInt64 = 0
  /// Frames that were handed to the device.
  public internal(set) var framesSent: UInt64 = 0
  /// Bytes of these frames, Ethernet headers included.
  public internal(set) var bytesSent: UInt64 = 0
  /// ARP requests that were sent.
  public internal(set) var arpRequestsSent: UInt64 = 0
  /// ARP requests that had to wait, because the neighbour was asked less than a
  /// second ago, or too many were. RFC 1122 §2.3.2.1.
  public internal(set) var arpRequestsHeldBack: UInt64 = 0
  /// ARP replies that were sent.
  public internal(set) var arpRepliesSent: UInt64 = 0
  /// Neighbours that did not answer.
  public internal(set) var neighboursUnreachable: UInt64 = 0
  /// Claims that a neighbour has another hardware address, which are not
  /// believed before the neighbour was asked.
  public internal(set) var neighboursDisputed: UInt64 = 0
  /// Probes for an address that is to be used. RFC 5227 §2.1.1.
  public internal(set) var arpProbesSent: UInt64 = 0
  /// Times that the own address was defended. RFC 5227 §2.4.
  public internal(set) var addressDefences: UInt64 = 0
  /// ICMP echo requests that were answered.
  public internal(set) var echoesAnswered: UInt64 = 0
  /// ICMP errors that were sent.
  public internal(set) var icmpErrorsSent: UInt64 = 0
  /// ICMP destination unreachable about datagrams of ours.
  public internal(set) var unreachablesReceived: UInt64 = 0
  /// ICMP time exceeded about datagrams of ours.
  public internal(set) var timeExceededReceived: UInt64 = 0
  /// ICMP parameter problem about datagrams of ours.
  public internal(set) var parameterProblemsReceived: UInt64 = 0
  /// Paths that were found to carry less than thought.
  public internal(set) var pathMTUsLowered: UInt64 = 0
  /// Routers that said so of less than what has got through: believed only if a
  /// timeout follows. RFC 5927 §7.2.
  public internal(set) var pathMTUsNoted: UInt64 = 0
  /// Datagrams that were put together of parts.
  public internal(set) var reassembled: UInt64 = 0
  /// Parts of datagrams that were too large to be sent whole.
  public internal(set) var fragmentsSent: UInt64 = 0
  /// IGMP messages that were sent.
  public internal(set) var igmpSent: UInt64 = 0
  /// Datagrams to ourselves.
  public internal(set) var loopedBack: UInt64 = 0
  /// UDP datagrams that apps were given.
  public internal(set) var datagramsReceived: UInt64 = 0
  /// UDP datagrams that apps have sent.
  public internal(set) var datagramsSent: UInt64 = 0
  /// DHCP messages that were sent.
  public internal(set) var dhcpSent: UInt64 = 0
  /// DHCP messages that were taken.
  public internal(set) var dhcpReceived: UInt64 = 0
  /// What TCP counts.
  public internal(set) var tcp = TCPCounters()

  /// One count a ``DropReason``, at its raw value.
  private var drops = InlineArray<128, UInt64>(repeating: 0)

  /// Nothing yet.
  public init() {}

  /// How many packets were dropped for `reason`.
  public subscript(reason: DropReason) -> UInt64 { drops[reason.rawValue] }

  /// How many packets were dropped, for whatever reason; without those that
  /// TCP dropped.
  public var dropped: UInt64 {
    var sum: UInt64 = 0
    for index in drops.indices {
      sum &+= drops[index]
    }
    return sum
  }

  /// Calls `body` with the name and the value of every count, in a fixed order.
  public func forEach(_ body: (StaticString, UInt64) -> Void) {
    body("frames received", framesReceived)
    body("bytes received", bytesReceived)
    body("frames sent", framesSent)
    body("bytes sent", bytesSent)
    body("arp: requests sent", arpRequestsSent)
    body("arp: requests held back", arpRequestsHeldBack)
    body("arp: replies sent", arpRepliesSent)
    body("arp: neighbours unreachable", neighboursUnreachable)
    body("arp: neighbours disputed", neighboursDisputed)
    body("arp: probes sent", arpProbesSent)
    body("arp: address defended", addressDefences)
    body("icmp: echoes answered", echoesAnswered)
    body("icmp: errors sent", icmpErrorsSent)
    body("icmp: unreachables received", unreachablesReceived)
    body("icmp: time exceeded received", timeExceededReceived)
    body("icmp: parameter problems received", parameterProblemsReceived)
    body("ipv4: path mtu lowered", pathMTUsLowered)
    body("ipv4: path mtu noted", pathMTUsNoted)
    body("ipv4: reassembled", reassembled)
    body("ipv4: fragments sent", fragmentsSent)
    body("igmp: messages sent", igmpSent)
    body("loopback: datagrams", loopedBack)
    body("udp: datagrams received", datagramsReceived)
    body("udp: datagrams sent", datagramsSent)
    body("dhcp: messages sent", dhcpSent)
    body("dhcp: messages received", dhcpReceived)
    for reason in DropReason.allCases {
      body(reason.name, self[reason])
    }
    tcp.forEach(body)
  }

  mutating func drop(_ reason: DropReason, count: Int = 1) {
    drops[reason.rawValue] &+= UInt64(count)
  }
}
