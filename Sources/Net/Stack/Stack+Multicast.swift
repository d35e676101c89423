import Packets

/// Groups. RFC 1112, RFC 3376.
extension Stack {
  /// Listens to datagrams to `group` as well: sockets get those to their ports.
  /// The device must pass on frames to ``groupHardware`` from now on.
  ///
  /// - Throws: ``NetworkError/unreachable`` when it is not a group's address,
  ///   ``NetworkError/limitReached`` at ``Limits/groups``.
  public mutating func joinGroup(
    _ group: IPv4Address,
    at now: Instant
  ) throws(NetworkError) {
    guard group.isMulticast else { throw NetworkError.unreachable }
    try groups.join(group, at: now)
    pollGroups(at: now)
  }

  /// Takes one ``joinGroup(_:at:)`` back.
  public mutating func leaveGroup(_ group: IPv4Address, at now: Instant) {
    groups.leave(group, at: now)
    pollGroups(at: now)
  }

  /// The hardware addresses of the groups that are joined, and of the one that
  /// routers ask in.
  public var groupHardware: [MACAddress] {
    let joined = groups.joined
    guard !joined.isEmpty else { return [] }
    return ([MulticastGroups.allHosts] + joined).map { MACAddress(group: $0) }
  }

  /// Tells routers and switches of groups, as far as it is time to.
  mutating func pollGroups(at now: Instant) {
    guard isLinkUp, route != nil else { return }
    while let action = groups.poll(at: now) {
      switch action {
      case .report(let record, let group):
        sendIGMP(
          IGMPMessage.reportSize,
          to: MulticastGroups.reportsOfVersion3,
          at: now
        ) { IGMPMessage.write(record, group: group, to: &$0) }
      case .reportOld(let version, let group):
        let type =
          version == 1
          ? IGMPMessage.MessageType.reportVersion1
          : IGMPMessage.MessageType.reportVersion2
        sendIGMP(IGMPMessage.size, to: group, at: now) {
          IGMPMessage.write(type: type, group: group, to: &$0)
        }
      case .leave(let group):
        sendIGMP(
          IGMPMessage.size,
          to: MulticastGroups.allRouters,
          at: now
        ) {
          IGMPMessage.write(
            type: IGMPMessage.MessageType.leave,
            group: group,
            to: &$0
          )
        }
      }
    }
  }

  private mutating func sendIGMP(
    _ size: Int,
    to destination: IPv4Address,
    at now: Instant,
    write: (inout MutableRawSpan) -> Void
  ) {
    guard let route, var packet = makePacket(headroom: 4) else { return }
    packet.append(size)
    var bytes = packet.mutableBytes
    write(&bytes)
    count.igmpSent &+= 1
    // RFC 3376 §4: of this link only, and for routers to look at.
    prependIPv4(
      to: &packet,
      IPv4Header.ProtocolNumber.igmp,
      from: route.address,
      to: destination,
      timeToLive: 1,
      hasRouterAlert: true
    )
    sendControl(packet, at: now)
  }

  /// Takes a message about groups.
  mutating func receiveIGMP(
    _ bytes: RawSpan,
    at now: Instant
  ) throws(DropReason) {
    let message = try IGMPMessage(parsing: bytes)
    groups.receive(message, at: now)
    pollGroups(at: now)
  }
}
