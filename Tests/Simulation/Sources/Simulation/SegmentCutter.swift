import Net
import Packets

/// The sending half of a device's offloads: completes checksums and cuts
/// segments, where it was told that it may be asked to.
struct SegmentCutter {
  private let capabilities: LinkCapabilities

  init(_ capabilities: LinkCapabilities) { self.capabilities = capabilities }

  /// The frames that go out for `packet`.
  func frames(
    of packet: borrowing PacketBuffer
  ) throws(Failure) -> [Frame] {
    let headroom = packet.headroom
    try require(headroom >= Stack.linkHeadroom, "headroom \(headroom)")
    let fragments = packet.fragmentCount
    try require(
      fragments <= capabilities.mostFragments,
      "\(fragments) fragments for a device that takes "
        + "\(capabilities.mostFragments)"
    )
    let frame = Frame(copying: packet)
    guard let partial = packet.partialChecksum else {
      try require(packet.segmentation == nil, "cut without a checksum")
      return [frame]
    }
    try require(
      capabilities.completesChecksums,
      "a checksum for a device that completes none"
    )
    try require(frame.isIPv4, "a checksum to complete, not of IPv4")
    let field = frame.ipProtocol == 6 ? 16 : 6
    try require(
      partial == PacketBuffer.PartialChecksum(start: frame.tcp, field: field),
      "\(partial)"
    )
    // The field holds the sum of the pseudo-header.
    try require(
      frame.word(frame.tcp + field) == foldedPseudoHeader(of: frame),
      "the field holds \(frame.word(frame.tcp + field))"
    )
    guard let segmentation = packet.segmentation else {
      var whole = frame
      whole.setWord(
        frame.tcp + field,
        whole.checksum(frame.tcp..<Frame.ip + frame.ipTotalLength)
      )
      return [whole]
    }
    return try cut(frame, segmentation)
  }

  private func foldedPseudoHeader(of frame: Frame) -> Int {
    var sum = frame.pseudoHeaderSum
    while sum > 0xFFFF { sum = (sum & 0xFFFF) + (sum >> 16) }
    return Int(sum)
  }

  /// As a device does it: the numbers go on, what ends the text is on the last,
  /// and what tells of a smaller window (RFC 3168 §6.1.2) on the first.
  private func cut(
    _ frame: Frame,
    _ segmentation: PacketBuffer.Segmentation
  ) throws(Failure) -> [Frame] {
    let header = frame.tcp + frame.tcpHeaderSize
    let payload = frame.bytes.count - header
    let size = segmentation.segmentSize
    try require(segmentation.kind == .tcp4, "\(segmentation)")
    try require(segmentation.headerSize == header, "\(segmentation)")
    try require(size > 0 && size < payload, "\(payload) bytes, \(segmentation)")
    try require(
      frame.ipTotalLength <= capabilities.largestSegmentation,
      "\(frame.ipTotalLength) bytes to cut"
    )
    return stride(from: 0, to: payload, by: size).map { offset in
      let end = min(offset + size, payload)
      var piece = Frame(
        Array(
          frame.bytes[..<header]
            + frame.bytes[header + offset..<header + end]
        )
      )
      piece.setWord(Frame.ip + 2, piece.bytes.count - Frame.ip)
      piece.setWord(Frame.ip + 4, frame.word(Frame.ip + 4) + offset / size)
      piece.completeIPChecksum()
      piece.setLong(
        piece.tcp + 4,
        frame.long(frame.tcp + 4) &+ UInt32(offset)
      )
      var flags = frame.tcpFlags
      if end < payload { flags.subtract([.psh, .fin]) }
      if offset > 0 { flags.remove(.cwr) }
      piece.bytes[piece.tcp + 13] = flags.rawValue
      piece.completeTCPChecksum()
      return piece
    }
  }
}

extension Frame {
  /// All bytes of `packet`, its fragments included.
  init(copying packet: borrowing PacketBuffer) {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(packet.totalCount)
    Self.append(packet.bytes, to: &bytes)
    for index in 0..<packet.fragmentCount {
      Self.append(packet.fragmentBytes(index), to: &bytes)
    }
    self.init(bytes)
  }

  private static func append(_ span: RawSpan, to bytes: inout [UInt8]) {
    // SAFETY: The buffer is read while the span is alive, and not kept.
    unsafe span.withUnsafeBytes { unsafe bytes.append(contentsOf: $0) }
  }
}
