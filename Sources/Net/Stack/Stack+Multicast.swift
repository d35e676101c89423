import BasicContainers
import Packets

/// Groups. RFC 1112, RFC 3376.
extension Stack {
  /// Listens to datagrams to `group` on every interface as well, later ones
  /// included: sockets get those to their ports. The devices must pass on frames
  /// to ``groupHardware`` from now on.
  ///
  /// - Throws: ``NetworkError/unreachable`` when it is not the address of a group
  ///   of version 4, ``NetworkError/limitReached`` at ``Limits/groups``.
  public mutating func joinGroup(
    _ group: IPAddress,
    at now: Instant
  ) throws(NetworkError) {
    guard let group = group.ipv4, group.isMulticast else {
      throw NetworkError.unreachable
    }
    for index in 0..<interfaces.count {
      // All have joined the same groups, and those that are left take no place:
      // if the first has one, all have, else none is asked.
      try interfaces[index].groups.join(group, at: now)
      pollGroups(on: index, at: now)
    }
  }

  /// Takes one ``joinGroup(_:at:)`` back.
  public mutating func leaveGroup(_ group: IPAddress, at now: Instant) {
    guard let group = group.ipv4 else { return }
    for index in 0..<interfaces.count {
      interfaces[index].groups.leave(group, at: now)
      pollGroups(on: index, at: now)
    }
  }

  /// The hardware addresses of the groups that are joined, and of the one that
  /// routers ask in.
  public var groupHardware: [MACAddress] {
    let joined = interfaces[0].groups.joined
    guard !joined.isEmpty else { return [] }
    return ([MulticastGroups.allHosts] + joined).map { MACAddress(group: $0) }
  }

  /// Tells routers and switches of groups, as far as it is time to.
  mutating func pollGroups(on interface: Int, at now: Instant) {
    guard interfaces[interface].isLinkUp, interfaces[interface].route != nil
    else { return }
    while let action = interfaces[interface].groups.poll(at: now) {
      switch action {
      case .report(let record, let group):
        sendIGMP(
          IGMPMessage.reportSize,
          to: MulticastGroups.reportsOfVersion3,
          on: interface,
          at: now
        ) { IGMPMessage.write(record, group: group, to: &$0) }
      case .reportOld(let version, let group):
        let type =
          version == 1
          ? IGMPMessage.MessageType.reportVersion1
          : IGMPMessage.MessageType.reportVersion2
        sendIGMP(IGMPMessage.size, to: group, on: interface, at: now) {
          IGMPMessage.write(type: type, group: group, to: &$0)
        }
      case .leave(let group):
        sendIGMP(
          IGMPMessage.size,
          to: MulticastGroups.allRouters,
          on: interface,
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
    on interface: Int,
    at now: Instant,
    write: (inout MutableRawSpan) -> Void
  ) {
    guard let route = interfaces[interface].route,
      var packet = makePacket(headroom: 4)
    else { return }
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
    sendControl(packet, on: interface, at: now)
  }

  /// Takes a message about groups.
  mutating func receiveIGMP(
    _ bytes: RawSpan,
    on interface: Int,
    at now: Instant
  ) throws(DropReason) {
    let message = try IGMPMessage(parsing: bytes)
    interfaces[interface].groups.receive(message, at: now)
    pollGroups(on: interface, at: now)
  }
}
