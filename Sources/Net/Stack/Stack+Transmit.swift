import BasicContainers
import Packets

extension Stack {
  /// The next frame to send on `interface`, from its Ethernet header on, with at
  /// least ``linkHeadroom`` bytes before it; `nil` when there is nothing to send.
  ///
  /// The device pulls: it asks while it has room, so what the stack sends waits
  /// where it was made, and a full device pushes back as far as the apps.
  /// One that is full, or down, holds nobody back but who sends over it.
  public mutating func transmit(
    on interface: Int = 0,
    at now: Instant
  ) -> PacketBuffer? {
    guard interfaces[interface].isLinkUp else { return nil }
    // Each turn takes a packet from a queue, or a segment from TCP.
    while true {
      pollNeighbours(on: interface, at: now)
      if let frame = interfaces[interface].control.popFirst() {
        if let frame = suited(frame, on: interface) { return counted(frame) }
        continue
      }
      guard let packet = nextPacket(on: interface, at: now) else { break }
      // A packet that has to wait for its neighbour must not keep back the
      // others: the next one is taken.
      if let frame = route(packet, on: interface, at: now),
        let frame = suited(frame, on: interface)
      {
        return counted(frame)
      }
    }
    if pool.available > 0 {
      udp.noteRoom(available: pool.available)
    }
    return nil
  }

  private mutating func counted(
    _ frame: consuming PacketBuffer
  ) -> PacketBuffer {
    count.framesSent &+= 1
    count.bytesSent &+= UInt64(frame.totalCount)
    return frame
  }

  /// The frame as the device can send it: one that has waited may have been
  /// made for another. `nil`, counted, when it has to be made anew.
  private mutating func suited(
    _ frame: consuming PacketBuffer,
    on interface: Int
  ) -> PacketBuffer? {
    let capabilities = interfaces[interface].capabilities
    let isTooLarge =
      frame.segmentation != nil
      && (!capabilities.cutsSegments
        || frame.totalCount - EthernetHeader.size
          > capabilities.largestSegmentation)
    if isTooLarge || frame.fragmentCount > capabilities.mostFragments {
      count.drop(.linkChanged)
      return nil
    }
    if !capabilities.completesChecksums { frame.completeChecksum() }
    return frame
  }

  /// The next IP datagram of an app that goes over `interface`.
  private mutating func nextPacket(
    on interface: Int,
    at now: Instant
  ) -> PacketBuffer? {
    if let packet = udp.popUnsent(on: interface) {
      if !IPv4Header.isLaterFragment(packet) {
        count.datagramsSent &+= 1
      }
      return packet
    }
    return nextSegment(on: interface, at: now)
  }

  // MARK: Packets of the stack itself

  /// An empty packet with room for the headers of IP (and `more` behind them),
  /// or `nil`, counted, when the pool has none.
  mutating func makePacket(headroom more: Int = 0) -> PacketBuffer? {
    if let packet = pool.allocate(headroom: Self.payloadHeadroom + more) {
      return packet
    }
    count.drop(.noBuffer)
    return nil
  }

  /// Sends an IP datagram of the stack itself, before those of apps.
  mutating func sendControl(
    _ packet: consuming PacketBuffer,
    on interface: Int,
    at now: Instant
  ) {
    guard packet.count <= interfaces[interface].mtu else {
      count.drop(.tooLarge)
      return
    }
    if let frame = route(packet, on: interface, at: now) {
      appendControl(frame, on: interface)
    }
  }

  /// Lets a frame of the stack itself wait for the device.
  mutating func appendControl(
    _ frame: consuming PacketBuffer,
    on interface: Int
  ) {
    guard interfaces[interface].control.count < limits.controlPackets else {
      count.drop(.controlQueueFull)
      return
    }
    interfaces[interface].control.append(frame)
  }

  // MARK: Headers

  /// Puts an IP header before the payload.
  mutating func prependIPv4(
    to packet: inout PacketBuffer,
    _ protocolNumber: UInt8,
    from source: IPv4Address,
    to destination: IPv4Address,
    ecn: ECNCodepoint = .notCapable,
    differentiatedServices: DifferentiatedServices = .standard,
    mayFragment: Bool = true,
    timeToLive: UInt8 = IPv4Header.defaultTimeToLive,
    hasRouterAlert: Bool = false
  ) {
    let header = IPv4Header(
      protocolNumber: protocolNumber,
      // RFC 6864 §4.1: what nobody may cut needs none, and leaves them to what
      // may be cut, where none must come again soon (§4.2).
      identification: mayFragment ? identification : 0,
      source: source,
      destination: destination,
      payloadLength: packet.totalCount,
      ecn: ecn,
      differentiatedServices: differentiatedServices,
      mayFragment: mayFragment,
      timeToLive: timeToLive,
      hasRouterAlert: hasRouterAlert
    )
    // Each of the segments that a device makes of it has one of its own.
    if mayFragment {
      identification &+= UInt16(truncatingIfNeeded: packet.segmentCount)
    }
    packet.prepend(header.length)
    var bytes = packet.mutableBytes
    header.write(to: &bytes)
  }

  /// Makes a frame of an IP datagram, or parks or drops it.
  private mutating func route(
    _ packet: consuming PacketBuffer,
    on interface: Int,
    at now: Instant
  ) -> PacketBuffer? {
    // The stack wrote the header itself.
    let destination = IPv4Header.destination(of: packet.bytes)
    switch nextHop(to: destination, on: interface) {
    case nil:
      count.drop(.noRoute)
      return nil
    case .broadcast:
      return frame(
        packet,
        to: .broadcast,
        EthernetHeader.EtherType.ipv4,
        on: interface
      )
    case .neighbour(let address):
      return frame(packet, toNeighbour: address, on: interface, at: now)
    case .group(let group):
      return frame(
        packet,
        to: MACAddress(group: group),
        EthernetHeader.EtherType.ipv4,
        on: interface
      )
    case .loopback:
      loopBack(packet, at: now)
      return nil
    }
  }

  /// Puts the Ethernet header before a packet.
  @_addressableSelf
  func frame(
    _ packet: consuming PacketBuffer,
    to destination: MACAddress,
    _ etherType: UInt16,
    on interface: Int
  ) -> PacketBuffer {
    packet.prepend(EthernetHeader.size)
    var bytes = packet.mutableBytes
    EthernetHeader(
      destination: destination,
      source: interfaces[interface].macAddress,
      etherType: etherType
    ).write(to: &bytes)
    return packet
  }
}
