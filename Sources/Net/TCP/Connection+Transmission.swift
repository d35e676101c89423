import Packets

/// The sender: how a plan becomes a segment.
extension Connection {
  /// Makes `packet`, which is empty, the segment of `plan`, and notes that it is
  /// sent. Returns where it goes.
  mutating func send(
    _ plan: inout SegmentPlan,
    in packet: inout PacketBuffer,
    _ capabilities: LinkCapabilities,
    at now: Instant,
    limits: borrowing TCPLimits,
    counters: inout TCPCounters
  ) -> TCP.Key {
    fill(&packet, with: &plan, capabilities)
    sent(plan, at: now, limits: limits, counters: &counters)
    return ends
  }

  /// Makes `packet`, which is empty, the segment of `plan`, which becomes
  /// shorter when its bytes are in more fragments than may be.
  ///
  /// The bytes stay in the send buffer, and the packet has parts of its blocks
  /// as fragments; a few bytes, and those for a device that wants all in one
  /// piece, are copied.
  private mutating func fill(
    _ packet: inout PacketBuffer,
    with plan: inout SegmentPlan,
    _ capabilities: LinkCapabilities
  ) {
    appendText(to: &packet, &plan, mostFragments: capabilities.mostFragments)
    plan.codepoint = mark(&plan)
    let header = header(for: plan)
    packet.prepend(
      header,
      from: local.address,
      to: remote.address,
      mayLeaveChecksum: capabilities.completesChecksums
    )
    let full = payloadLimit(with: header.options)
    if plan.payload > full {
      packet.segmentation = PacketBuffer.Segmentation(
        kind: remote.address.isIPv4 ? .tcp4 : .tcp6,
        segmentSize: full,
        headerSize: header.length
      )
    }
  }

  /// Text up to this is copied: it costs less than a fragment does.
  private static var copiedText: Int { 256 }

  private mutating func appendText(
    to packet: inout PacketBuffer,
    _ plan: inout SegmentPlan,
    mostFragments: Int
  ) {
    guard plan.payload > 0 else { return }
    let offset = plan.sequence - dataStart()
    if plan.payload > Self.copiedText, mostFragments > 0 {
      let shared = sendBuffer.share(
        at: offset,
        plan.payload,
        with: &packet,
        mostFragments: min(mostFragments, PacketBuffer.mostFragments)
      )
      if shared == plan.payload { return }
      // In too many pieces: as many segments as fit, or one that is copied.
      let full = fullSegment()
      let whole = shared - shared % full
      packet.truncate(to: whole)
      if plan.payload > full {
        plan = dataPlan(plan.kind, at: plan.sequence, max(whole, full))
      }
      if whole > 0 { return }
    }
    packet.append(plan.payload)
    var target = packet.mutableBytes
    sendBuffer.copyBytes(at: offset, to: &target)
  }

  /// The options of a segment with `flags`.
  @_addressableSelf
  func options(for flags: TCPHeader.Flags) -> TCPOptions {
    var options = TCPOptions()
    guard flags.contains(.syn) else { return options }
    options.maximumSegmentSize = UInt16(clamping: receiveSegmentSize)
    options.isSACKPermitted = state == .synSent || recovery.isSelective
    // RFC 7323 §2.2: a SYN,ACK offers to scale only if the SYN did.
    if state == .synSent || receive.isScaling {
      options.windowScale = ReceiveSequence.shift(for: receive.capacity)
    }
    return options
  }

  /// The most payload of a segment with `options`, which take of its room.
  /// RFC 9293 §3.7.1, RFC 6691 §2.
  @_addressableSelf
  func payloadLimit(with options: TCPOptions) -> Int {
    sendSegmentSize - options.length
  }

  /// The payload of a full segment of data.
  @_addressableSelf
  func fullSegment() -> Int {
    payloadLimit(with: options(for: .acknowledgement))
  }

  /// The header of `plan`.
  private mutating func header(for plan: SegmentPlan) -> TCPHeader {
    var header = TCPHeader(
      sourcePort: local.port,
      destinationPort: remote.port,
      sequenceNumber: plan.sequence,
      flags: plan.flags
    )
    if plan.flags.contains(.acknowledgement) {
      header.acknowledgementNumber = receive.next
    }
    header.options = options(for: plan.flags)
    if plan.flags.contains(.syn) {
      header.window = receive.synWindowField
    } else if !plan.flags.contains(.reset) {
      header.window = receive.offerWindow(
        unread: receiveQueue.byteCount,
        segmentSize: receiveSegmentSize
      )
    }
    return header
  }
}
