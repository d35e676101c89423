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

  /// Gives `header` its options, which go by its flags.
  @_addressableSelf
  private func addOptions(to header: inout TCPHeader) {
    guard header.flags.contains(.syn) else { return }
    header.options.maximumSegmentSize = UInt16(clamping: receiveSegmentSize)
    // RFC 7323 §2.2: a SYN,ACK offers to scale only if the SYN did.
    if state == .synSent || receive.isScaling {
      header.options.windowScale = ReceiveSequence.shift(for: receive.capacity)
    }
  }

  /// The most payload of a segment with `options`, which take of its room.
  /// RFC 9293 §3.7.1, RFC 6691 §2.
  @_addressableSelf
  @inline(__always)
  func payloadLimit(with options: TCPOptions) -> Int {
    sendSegmentSize - options.length
  }

  /// The payload of a full segment of data: what ``payloadLimit(with:)`` is with
  /// the options of every one. Asked for several times a segment.
  @_addressableSelf
  func fullSegment() -> Int { sendSegmentSize - textOptionsLength }

  /// The bytes that the options of a segment of data take.
  var textOptionsLength: Int { 0 }

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
    addOptions(to: &header)
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
