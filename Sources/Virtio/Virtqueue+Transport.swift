/// How a queue comes to a device. VIRTIO 1.2 §4.1.5.1.3.
extension Virtqueue {
  /// A queue as large as device and driver allow.
  ///
  /// - Throws: `badQueue` when the device has none, or one of a size that there
  ///   is not.
  init<T: Transport>(
    of transport: T,
    _ index: UInt16,
    _ format: QueueFormat
  ) throws(VirtioError) {
    let size = transport.largestQueueSize(index)
    // 0 when there is none. A frame of two descriptors must fit.
    guard size >= 2, Self.isPossible(size, format) else {
      throw VirtioError.badQueue
    }
    // Only a modern device lets the driver have less.
    self.init(
      size: transport.isLegacy ? size : min(size, VirtioLimits.descriptors),
      format: format
    )
  }

  /// Tells the device where the queue is. From here on it may use the memory,
  /// also when this throws.
  ///
  /// - Returns: Where notifications of the queue are written.
  mutating func enable<T: Transport>(
    on transport: T,
    _ index: UInt16,
    vector: UInt16?
  ) throws(VirtioError) -> Doorbell {
    let base = transport.deviceAddress(of: address, byteCount: byteCount)
    handOver()
    return try transport.enableQueue(
      index,
      addresses(base: base),
      vector: vector
    )
  }
}
