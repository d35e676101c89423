import Packets

/// The sender: how a plan becomes a segment.
extension Connection {
  /// Makes `packet`, which is empty, the segment of `plan`, and notes that it is
  /// sent. Returns where it goes.
  ///
  /// - Parameter share: The full segments that the peer may be promised; `nil`:
  ///   as many as there is room for.
  mutating func send(
    _ plan: inout SegmentPlan,
    in packet: inout PacketBuffer,
    _ capabilities: LinkCapabilities,
    at now: Instant,
    limits: borrowing Constant<TCPLimits>,
    share: Int?,
    counters: inout TCPCounters
  ) -> TCP.Key {
    fill(&packet, with: &plan, capabilities, share: share, at: now)
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
    _ capabilities: LinkCapabilities,
    share: Int?,
    at now: Instant
  ) {
    appendText(to: &packet, &plan, mostFragments: capabilities.mostFragments)
    plan.codepoint = mark(&plan)
    let header = header(for: plan, share: share, at: now)
    packet.prepend(
      header,
      from: local.address,
      to: remote.address,
      mayLeaveChecksum: capabilities.completesChecksums
    )
    let full = fullSegment()
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

  /// Gives `header` its options, which go by its flags; but for the parts that
  /// came early.
  @_addressableSelf
  private func addOptions(to header: inout TCPHeader, at now: Instant) {
    // RFC 7323 §3.2: once on, in every segment; a SYN offers them, and a
    // SYN,ACK has them only if the SYN had.
    if timestamps.isOn || state == .synSent {
      header.options.timestamp = TCPOptions.Timestamp(
        value: timestamps.value(at: now),
        echo: timestamps.recent
      )
    }
    guard header.flags.contains(.syn) else { return }
    header.options.isSACKPermitted = isSelective || state == .synSent
    header.options.maximumSegmentSize = UInt16(clamping: receiveSegmentSize)
    // RFC 7323 §2.2: a SYN,ACK offers to scale only if the SYN did.
    if state == .synSent || receive.isScaling {
      header.options.windowScale = receive.offeredShift
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
  @inline(__always)
  func fullSegment() -> Int { sendSegmentSize - textOptionsLength() }

  /// The bytes that the options of a segment of data take.
  @_addressableSelf
  @inline(__always)
  func textOptionsLength() -> Int {
    timestamps.isOn ? TCPOptions.Length.timestamp + 2 : 0
  }

  /// The header of `plan`.
  private mutating func header(
    for plan: SegmentPlan,
    share: Int?,
    at now: Instant
  ) -> TCPHeader {
    var header = TCPHeader(
      sourcePort: local.port,
      destinationPort: remote.port,
      sequenceNumber: plan.sequence,
      flags: plan.flags
    )
    if plan.flags.contains(.acknowledgement) {
      header.acknowledgementNumber = receive.next
      timestamps.acknowledged(upTo: receive.next)
    }
    // RFC 9293 §3.8.5 (MUST-30): in every segment before its end.
    if let pointer = urgent.pointer(at: plan.sequence),
      !plan.flags.contains(.reset)
    {
      header.flags.insert(.urgent)
      header.urgentPointer = pointer
    }
    addOptions(to: &header, at: now)
    if plan.flags.contains(.syn) {
      header.window = receive.synWindowField
      header.flags.formUnion(flagsOfSYN(plan.flags))
    } else if !plan.flags.contains(.reset) {
      header.window = receive.offerWindow(
        unread: receiveQueue.byteCount,
        segmentSize: receiveSegmentSize,
        share: share
      )
      // RFC 3168 §6.1.3: in every acknowledgement until CWR comes.
      if ecn.isEchoing { header.flags.insert(.congestionEcho) }
      if early.isPresent, hasRoomForBlocks(plan) {
        early.value.selective.append(
          to: &header.options,
          room: TCPOptions.mostBytes - header.options.length
        )
      }
    }
    return header
  }

  /// What a SYN, or a SYN,ACK, says of explicit congestion notification.
  /// RFC 3168 §6.1.1: a SYN asks with both flags, one that is sent again with
  /// none, as a middlebox may have dropped the first for them (§6.1.1.1); a
  /// SYN,ACK agrees with ECE.
  @_addressableSelf
  private func flagsOfSYN(_ flags: TCPHeader.Flags) -> TCPHeader.Flags {
    if flags.contains(.acknowledgement) {
      return ecn.isOn ? .congestionEcho : []
    }
    return asksForECN && !isSYNLost ? [.congestionEcho, .windowReduced] : []
  }

  /// Whether `plan` can tell of all parts that came early: they take of the room
  /// of its text. RFC 6691 §2: a full segment has none, and then an
  /// acknowledgement without text follows.
  @_addressableSelf
  func hasRoomForBlocks(_ plan: SegmentPlan) -> Bool {
    plan.payload == 0 || plan.payload + TCPOptions.mostBytes <= fullSegment()
  }
}
