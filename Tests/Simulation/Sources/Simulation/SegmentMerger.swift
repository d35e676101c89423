import Packets

/// What a device hands up: one segment, or several that it has merged.
struct MergedFrame {
  var frame: Frame
  /// The payload of each segment but the last; 0 when there is one.
  var segmentSize = 0
  var isRight: Bool

  /// The frame in slots of `pool`; `nil` when it has too few.
  func packet(
    from pool: PacketPool,
    isScattered: Bool,
    isVerified: Bool,
    _ dice: inout Dice
  ) -> PacketBuffer? {
    // The header that virtio has before a frame is 12 bytes.
    let headroom = 12
    guard var packet = pool.allocate(headroom: headroom) else { return nil }
    var rest = frame.bytes.rawBytes
    let most = pool.bytesPerPacket
    let room =
      most - headroom
      - PacketBuffer.mostFragments * PacketBuffer.fragmentTailroom
    var first = min(rest.byteCount, room)
    let header = frame.isTCP ? frame.tcp + frame.tcpHeaderSize : first
    if isScattered, header < first, dice.happens(100_000) {
      first = header + dice.number(below: first - header + 1)
    }
    packet.append(copying: rest.extracting(first: first))
    rest = rest.extracting(droppingFirst: first)
    while rest.byteCount > 0 {
      let left = PacketBuffer.mostFragments - packet.fragmentCount
      let least = max((rest.byteCount + left - 1) / left, min(most, 1024))
      precondition(least <= most, "slots too small for what is merged")
      guard var fragment = pool.allocate() else { return nil }
      let size = min(
        least + dice.number(below: most - least + 1),
        rest.byteCount
      )
      fragment.append(copying: rest.extracting(first: size))
      rest = rest.extracting(droppingFirst: size)
      packet.append(fragment: fragment)
    }
    // What is merged was looked at, and its checksum is no segment's.
    packet.isChecksumVerified = isRight && (isVerified || segmentSize > 0)
    packet.mergedSegmentSize = segmentSize
    return packet
  }
}

/// Merges segments that follow each other, as generic receive offload does: the
/// same ends, acknowledgement, options and congestion mark; no flag but ACK, and
/// PSH on the last.
struct SegmentMerger {
  private let isOn: Bool
  var dice: Dice
  private var pending: MergedFrame?
  /// Whether what is pending may be followed by more.
  private var isOpen = false

  init(isOn: Bool, dice: Dice) {
    self.isOn = isOn
    self.dice = dice
  }

  /// Takes a frame, and gives what it does not belong to.
  mutating func add(_ frame: Frame) -> MergedFrame? {
    let isRight = frame.isTCP && frame.isRightTCP
    guard isOn else { return MergedFrame(frame: frame, isRight: isRight) }
    let isPlain =
      isRight && frame.tcpPayloadSize > 0
      && frame.tcpFlags.subtracting(.psh) == .ack
    if isPlain, isOpen, extend(with: frame) { return nil }
    let last = pending
    pending = MergedFrame(frame: frame, isRight: isRight)
    isOpen = isPlain && !frame.tcpFlags.contains(.psh)
    return last
  }

  /// Gives what is left.
  mutating func finish() -> MergedFrame? {
    isOpen = false
    return pending.take()
  }

  private mutating func extend(with frame: Frame) -> Bool {
    guard var merged = pending.take() else { return false }
    let size = frame.tcpPayloadSize
    let old = merged.frame.tcpPayloadSize
    let limit = merged.segmentSize == 0 ? old : merged.segmentSize
    guard size <= limit, merged.frame.ipTotalLength + size <= 65_000,
      merged.frame.mayBeFollowed(by: frame)
    else {
      pending = merged
      return false
    }
    merged.segmentSize = limit
    let tcp = frame.tcp
    merged.frame.bytes[tcp + 13] |= frame.bytes[tcp + 13]
    merged.frame.setWord(tcp + 14, frame.word(tcp + 14))
    merged.frame.bytes.append(
      contentsOf: frame.bytes[
        (tcp + frame.tcpHeaderSize)..<Frame.ip + frame.ipTotalLength
      ]
    )
    merged.frame.setWord(
      Frame.ip + 2,
      merged.frame.ipTotalLength + size
    )
    merged.frame.completeIPChecksum()
    isOpen = size == limit && !frame.tcpFlags.contains(.psh)
    pending = merged
    return true
  }
}

extension Frame {
  /// Whether both of its checksums hold, and its lengths do.
  var isRightTCP: Bool {
    ipHeaderSize >= 20 && ipTotalLength + Self.ip <= bytes.count
      && ipTotalLength >= ipHeaderSize + 20
      && checksum(Self.ip..<Self.ip + ipHeaderSize) == 0
      && tcpHeaderSize >= 20 && tcpPayloadSize >= 0
      && isTransportChecksumRight
  }

  fileprivate func mayBeFollowed(by next: Frame) -> Bool {
    tcp == next.tcp && tcpHeaderSize == next.tcpHeaderSize
      && ecn == next.ecn && long(Self.ip + 12) == next.long(Self.ip + 12)
      && long(Self.ip + 16) == next.long(Self.ip + 16)
      && long(tcp) == next.long(tcp)
      && long(tcp + 8) == next.long(tcp + 8)
      && bytes[tcp + 20..<tcp + tcpHeaderSize]
        == next.bytes[tcp + 20..<tcp + tcpHeaderSize]
      && long(tcp + 4) &+ UInt32(tcpPayloadSize) == next.long(tcp + 4)
      && bytes[0..<14] == next.bytes[0..<14]
  }
}
