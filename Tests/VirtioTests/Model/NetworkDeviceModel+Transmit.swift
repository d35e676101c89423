/// Frames from the driver. VIRTIO 1.2 §5.1.6.2.
extension NetworkDeviceModel {
  /// Takes the frames that the driver has made available on any queue, and
  /// gives their buffers back.
  func send(atMost limit: Int = .max) {
    var left = limit
    for pair in 0..<pairs where isEnabled(2 * pair + 1) {
      left -= send(queue: 2 * pair + 1, atMost: left)
    }
  }

  /// Takes the frames of one queue; says how many.
  @discardableResult
  func send(queue: Int, atMost limit: Int = .max) -> Int {
    guard isRunning, !stalled.contains(queue) else { return 0 }
    look(queue)
    var count = 0
    while count < limit, let chain = queues[queue].next() {
      count += 1
      // §5.1.6.5.5.1: no more queues than were agreed on.
      if queue / 2 >= control.pairs { object(.queueBeyondPairs) }
      take(chain, queue: queue)
      // §5.1.6.1: what a legacy device says of the length is rubbish.
      let length: UInt32 = isModernDriver ? 0 : 0xDEAD
      finish(chain, length: length, queue: queue)
    }
    giveBackSome(queue)
    return count
  }

  private func take(_ chain: DeviceQueue.Chain, queue: Int) {
    let bytes = chain.contents
    guard bytes.count >= headerSize + 14 else { return object(.frameTooShort) }
    let header = Array(bytes[..<headerSize])
    let fields = PacketHeaderFields(header)
    let frame = Array(bytes[headerSize...])
    if !has(.csum), header.contains(where: { $0 != 0 }) {
      object(.headerNotZero)
    }
    let known = violations.count
    let parsed = ParsedFrame(frame)
    check(fields, parsed)
    checkLength(fields, parsed)
    sent.append(frame)
    sentHeaders.append(fields)
    sentQueues.append(queue)
    flows.note(parsed, queue: queue)
    guard violations.count == known else { return wire.append(frame) }
    wire += leaving(fields, frame)
  }

  /// What a frame becomes on its way out.
  private func leaving(
    _ fields: PacketHeaderFields,
    _ frame: [UInt8]
  ) -> [[UInt8]] {
    guard fields.needsChecksum else { return [frame] }
    guard fields.segmentationType != PacketHeaderFields.Segmentation.none else {
      // §5.1.6.2.1: summed from the start up to the end, and stored.
      var frame = frame
      let start = Int(fields.checksumStart)
      let place = start + Int(fields.checksumOffset)
      var sum = ~Checksum.sum(frame[start...])
      if sum == 0 { sum = 0xFFFF }
      frame.replaceSubrange(place..<place + 2, with: big(sum))
      return [frame]
    }
    return Segmentation.frames(
      frame,
      type: fields.segmentationType,
      segmentSize: Int(fields.segmentSize)
    ) ?? []
  }

  // MARK: The rules

  private func check(_ fields: PacketHeaderFields, _ frame: ParsedFrame) {
    typealias Flag = PacketHeaderFields.Flag
    // §5.1.6.2.1: DATA_VALID and RSC_INFO never; others do not exist.
    if fields.flags & ~Flag.needsChecksum != 0 { object(.badHeaderFlags) }
    if fields.bufferCount != 0 { object(.bufferCountNotZero) }
    if fields.hash != 0 || fields.hashReport != 0 { object(.badHeaderFlags) }
    if fields.needsChecksum {
      if !has(.csum) { object(.checksumNotNegotiated) }
      checkChecksum(fields, frame)
    } else if let version = frame.version, frame.transport != nil {
      checkComplete(frame, version)
    }
    if fields.segmentation != PacketHeaderFields.Segmentation.none {
      checkSegmentation(fields, frame)
    } else {
      // A hint here: nothing, or the headers at least.
      checkHeaderLength(fields, frame, isExact: false)
    }
  }

  /// §5.1.6.2.1: what is not to be completed is complete.
  private func checkComplete(_ frame: ParsedFrame, _ version: Int) {
    let end = frame.networkEnd
    guard end <= frame.bytes.count, end >= frame.payloadStart else { return }
    let isUnused =
      frame.transport == .udp && version == 4 && frame.checksumField == 0
    if !isUnused, frame.checksumField != frame.fullChecksum(end: end) {
      object(.checksumIncomplete)
    }
  }

  private func checkChecksum(
    _ fields: PacketHeaderFields,
    _ frame: ParsedFrame
  ) {
    let start = Int(fields.checksumStart)
    let place = start + Int(fields.checksumOffset)
    guard place + 2 <= frame.bytes.count else {
      return object(.checksumOutsidePacket)
    }
    guard frame.transport != nil else { return }
    guard start == frame.transportStart,
      fields.checksumOffset == frame.checksumOffset
    else { return object(.checksumMisplaced) }
    let isLarge = fields.segmentation != 0
    let end = isLarge ? frame.bytes.count : frame.networkEnd
    guard end <= frame.bytes.count, end >= frame.payloadStart else {
      return object(.checksumOutsidePacket)
    }
    var sum = ~Checksum.sum(frame.bytes[start...])
    if sum == 0, frame.transport == .udp { sum = 0xFFFF }
    if sum != frame.fullChecksum(end: end) { object(.wrongPseudoHeaderSum) }
  }

  private func checkSegmentation(
    _ fields: PacketHeaderFields,
    _ frame: ParsedFrame
  ) {
    typealias Kind = PacketHeaderFields.Segmentation
    let (feature, version, transport): (FeatureBit, Int?, ParsedFrame.Transport)
    switch fields.segmentationType {
    case Kind.tcp4: (feature, version, transport) = (.hostTSO4, 4, .tcp)
    case Kind.tcp6: (feature, version, transport) = (.hostTSO6, 6, .tcp)
    case Kind.udpFragments:
      (feature, version, transport) = (.hostUFO, frame.version, .udp)
    case Kind.udpSegments:
      (feature, version, transport) = (.hostUSO, frame.version, .udp)
    default: return object(.badSegmentationType)
    }
    if !has(feature) { object(.segmentationNotNegotiated) }
    if frame.version != version || frame.transport != transport {
      return object(.badSegmentationType)
    }
    if !fields.needsChecksum { object(.segmentationWithoutChecksum) }
    if fields.segmentSize == 0 { object(.segmentSizeZero) }
    let isECN = frame.transport == .tcp && frame.tcpFlags & 0x80 != 0
    if fields.isECN || isECN, !has(.hostECN) { object(.ecnNotNegotiated) }
    if fields.isECN != isECN, has(.hostECN) { object(.ecnMisstated) }
    checkHeaderLength(fields, frame, isExact: true)
  }

  private func checkHeaderLength(
    _ fields: PacketHeaderFields,
    _ frame: ParsedFrame,
    isExact: Bool
  ) {
    let length = Int(fields.headerLength)
    if !isExact, length == 0 { return }
    let isGood =
      isExact
      ? length == frame.payloadStart
      : length >= frame.payloadStart && length <= frame.bytes.count
    if !isGood { object(.headerLengthWrong) }
  }

  /// §5.1.4.2, §5.1.6.2: no more than the MTU, or than an Ethernet frame has,
  /// unless it is to be cut.
  private func checkLength(
    _ fields: PacketHeaderFields,
    _ frame: ParsedFrame
  ) {
    let link = frame.vlan == nil ? 14 : 18
    let limit = has(.mtu) ? Int(mtu) : 1500
    if fields.segmentationType == 0, frame.bytes.count > limit + link {
      object(.frameTooLong)
    }
    // What leaves is no longer either.
    let segment = frame.payloadStart + Int(fields.segmentSize)
    if fields.segmentationType == PacketHeaderFields.Segmentation.tcp4
      || fields.segmentationType == PacketHeaderFields.Segmentation.tcp6,
      segment > limit + link
    {
      object(.frameTooLong)
    }
  }
}
