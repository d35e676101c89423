import Packets

/// What is left to the device, and what is done here when it can not.
extension PacketBuffer {
  /// Sums up what a device would have summed up, if anything was left to it.
  mutating func completeChecksum() {
    guard let partial = partialChecksum else { return }
    var checksum = InternetChecksum()
    checksum.add(self, from: partial.start)
    // RFC 768: in UDP a checksum of zero is sent as all ones; to TCP the two
    // are the same.
    let value = checksum.value == 0 ? 0xFFFF : checksum.value
    var bytes = mutableBytes
    bytes.storeBigEndian(value, at: partial.start + partial.field)
    partialChecksum = nil
  }

  /// How many packets a device makes of this one.
  ///
  /// - Precondition: One that is cut begins at the headers that it is cut with.
  var segmentCount: Int {
    guard let segmentation else { return 1 }
    let payload = totalCount - segmentation.headerSize
    return (payload + segmentation.segmentSize - 1) / segmentation.segmentSize
  }
}
