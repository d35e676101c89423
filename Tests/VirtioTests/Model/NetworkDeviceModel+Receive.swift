/// Frames to the driver. VIRTIO 1.2 §5.1.6.3 and §5.1.6.4.
extension NetworkDeviceModel {
  /// Why a frame did not reach the driver.
  enum Undelivered: Hashable {
    case filtered, noBuffer, bufferTooSmall, queueInReset, notRunning
  }

  /// What the device says of a frame that it hands over.
  enum Offload: Equatable {
    /// Nothing: its checksum is as it came.
    case none
    /// The device has checked the checksum. §5.1.6.4, DATA_VALID.
    case valid
    /// The checksum is still to be completed. §5.1.6.4, NEEDS_CSUM.
    case partial
    /// A packet that is larger than its segments. §5.1.6.4, gso_type.
    case large(type: UInt8, segmentSize: Int, isECN: Bool = false)
  }

  /// The smallest receive buffer. §5.1.6.3.1.
  var smallestReceiveBuffer: Int {
    if has(.mrgRxbuf) { return headerSize }
    let large: [FeatureBit] = [
      .guestTSO4, .guestTSO6, .guestUFO, .guestUSO4, .guestUSO6,
    ]
    if large.contains(where: has) { return headerSize + 65_550 }
    // §5.1.4.2: enough for the MTU that was agreed on.
    let mtu = has(.mtu) ? Int(self.mtu) : 0
    return headerSize + max(1514, mtu + 14)
  }

  /// Writes `frame` to the driver's next buffers, behind `header`; says
  /// whether it has got there.
  @discardableResult
  func deliver(_ frame: [UInt8], header: [UInt8]? = nil) -> Bool {
    guard let queue = receiveQueue(for: frame) else { return false }
    return deliver(frame, queue: queue) { [self] count in
      header ?? plainHeader(frame, bufferCount: count)
    }
  }

  /// Hands a frame over with as much left undone as the driver allows: what it
  /// does not take is completed and cut before. `frame` has a right checksum.
  @discardableResult
  func deliver(_ frame: [UInt8], offload: Offload) -> Bool {
    var frame = frame
    var fields = PacketHeaderFields()
    let parsed = ParsedFrame(frame)
    switch offload {
    case .none: return deliver(frame)
    case .valid:
      guard takes(.guestCsum) else { return deliver(frame) }
      fields.flags = PacketHeaderFields.Flag.dataValid
    case .partial:
      guard takes(.guestCsum), parsed.transport != nil else {
        return deliver(frame)
      }
      setPartial(&frame, &fields, parsed, end: parsed.networkEnd)
    case .large(let type, let segmentSize, let isECN):
      guard takesLarge(type), !isECN || takes(.guestECN) else {
        let frames = Segmentation.frames(
          frame,
          type: type,
          segmentSize: segmentSize
        )
        return frames?.allSatisfy { deliver($0) } ?? false
      }
      setPartial(&frame, &fields, parsed, end: frame.count)
      fields.segmentation =
        type | (isECN ? PacketHeaderFields.Segmentation.ecn : 0)
      fields.segmentSize = UInt16(segmentSize)
      fields.headerLength = UInt16(parsed.payloadStart)
    }
    guard let queue = receiveQueue(for: frame) else { return false }
    let (whole, known) = (frame, fields)
    return deliver(whole, queue: queue) { [self] count in
      var fields = known
      fields.bufferCount = UInt16(count)
      report(parsed, &fields)
      return fields.bytes(headerSize)
    }
  }

  // MARK: Headers

  private func plainHeader(_ frame: [UInt8], bufferCount: Int) -> [UInt8] {
    var fields = PacketHeaderFields()
    fields.bufferCount = UInt16(bufferCount)
    report(ParsedFrame(frame), &fields)
    return fields.bytes(headerSize)
  }

  /// §5.1.6.4.4: the hash and what it was made of.
  private func report(
    _ frame: ParsedFrame,
    _ fields: inout PacketHeaderFields
  ) {
    guard has(.hashReport), let hash = hash(of: frame) else { return }
    fields.hash = hash.value
    fields.hashReport = hash.report
  }

  /// The sum of the pseudo-header instead of the checksum.
  private func setPartial(
    _ frame: inout [UInt8],
    _ fields: inout PacketHeaderFields,
    _ parsed: ParsedFrame,
    end: Int
  ) {
    let place = parsed.transportStart + parsed.checksumOffset
    let sum = parsed.pseudoHeaderSum(end: end)
    frame.replaceSubrange(place..<place + 2, with: big(sum))
    fields.flags = PacketHeaderFields.Flag.needsChecksum
    fields.checksumStart = UInt16(parsed.transportStart)
    fields.checksumOffset = UInt16(parsed.checksumOffset)
  }

  /// Whether a receive offload was agreed on and is on. §5.1.6.5.8.
  func takes(_ feature: FeatureBit) -> Bool {
    control.offloads & feature.mask != 0
  }

  private func takesLarge(_ type: UInt8) -> Bool {
    typealias Kind = PacketHeaderFields.Segmentation
    switch type {
    case Kind.tcp4: return takes(.guestTSO4)
    case Kind.tcp6: return takes(.guestTSO6)
    case Kind.udpFragments: return takes(.guestUFO)
    case Kind.udpSegments: return takes(.guestUSO4) || takes(.guestUSO6)
    default: return false
    }
  }

  // MARK: Buffers

  /// The queue that a frame is for, unless it is not for the driver.
  private func receiveQueue(for frame: [UInt8]) -> Int? {
    guard isRunning else { return fail(.notRunning) }
    let parsed = ParsedFrame(frame)
    guard accepts(parsed) else { return fail(.filtered) }
    let queue = steer(parsed)
    guard isEnabled(queue) else { return fail(.queueInReset) }
    return queue
  }

  private func fail<T>(_ reason: Undelivered) -> T? {
    undelivered[reason, default: 0] += 1
    return nil
  }

  /// Writes header and frame into as many buffers as they need and the driver
  /// lets them have.
  private func deliver(
    _ frame: [UInt8],
    queue: Int,
    header: (Int) -> [UInt8]
  ) -> Bool {
    look(queue)
    guard !stalled.contains(queue) else { return false }
    let size = header(1).count + frame.count
    var chains: [DeviceQueue.Chain] = []
    var room = 0
    while room < size {
      if !chains.isEmpty, !has(.mrgRxbuf) { break }
      let index = completion.choose(
        from: queues[queue].waiting.count,
        isInOrder: queues[queue].rules.isInOrder
      )
      guard let chain = queues[queue].next(at: index) else { break }
      room += chain.writableLength
      chains.append(chain)
    }
    guard room >= size else {
      for chain in chains.reversed() { queues[queue].putBack(chain) }
      let isTooSmall = !has(.mrgRxbuf) && !chains.isEmpty
      undelivered[isTooSmall ? .bufferTooSmall : .noBuffer, default: 0] += 1
      return false
    }
    var rest = (header(chains.count) + frame)[...]
    var written: [(DeviceQueue.Chain, UInt32)] = []
    for chain in chains {
      // §5.1.6.4.1: all but the last are used completely.
      let part = rest.prefix(chain.writableLength)
      write(Array(part), to: chain)
      rest = rest.dropFirst(part.count)
      written.append((chain, UInt32(part.count)))
    }
    queues[queue].use(together: written, memory)
    interruptDriver(queue: queue)
    return true
  }

  /// Writes to a chain's writable parts, one after the other.
  func write(_ bytes: [UInt8], to chain: DeviceQueue.Chain) {
    var rest = bytes[...]
    for part in chain.writable {
      _ = memory.write(part.address, Array(rest.prefix(part.length)))
      rest = rest.dropFirst(part.length)
    }
  }

  /// The next chain of a queue, for a test to use as no device may.
  func takeChain(_ queue: Int) -> DeviceQueue.Chain? {
    look(queue)
    return queues[queue].next()
  }
}
