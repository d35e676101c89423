/// How a queue comes to a device. VIRTIO 1.2 §4.1.5.1.3.
extension Virtqueue {
  /// A queue as large as device and driver allow.
  ///
  /// - Parameter fewest: The descriptors that it must have.
  /// - Throws: `badQueue` when the device has none, or one of a size that there
  ///   is not.
  init<T: Transport>(
    of transport: T,
    _ index: UInt16,
    _ format: QueueFormat,
    fewest: UInt16 = 1
  ) throws(VirtioError) {
    let size = transport.largestQueueSize(index)
    // 0 when there is none.
    guard size >= fewest, Self.isPossible(size, format) else {
      throw VirtioError.badQueue
    }
    self.init(
      size: transport.hasFixedQueueSizes
        ? size : min(size, VirtioLimits.descriptors),
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

  /// Takes the queue back from the device by a reset of its own, and gives the
  /// device an empty one of `size` descriptors instead, or as many as it
  /// allows. §2.6.1. Whoever fails here has a queue that is ``isBroken``.
  ///
  /// - Parameter fewest: It fails when the device allows fewer than these.
  /// - Returns: Where notifications of the queue are written.
  mutating func renew<T: Transport>(
    on transport: T,
    _ index: UInt16,
    size: UInt16,
    fewest: Int,
    vector: UInt16?
  ) throws(VirtioError) -> Doorbell {
    do throws(VirtioError) {
      try transport.resetQueue(index)
    } catch {
      giveUp()
      throw error
    }
    takeBack()
    let (format, size) = (format, min(size, transport.largestQueueSize(index)))
    guard size >= fewest, Self.isPossible(size, format) else {
      throw VirtioError.badQueue
    }
    self = Virtqueue(size: size, format: format)
    do throws(VirtioError) {
      return try enable(on: transport, index, vector: vector)
    } catch {
      giveUp()
      throw error
    }
  }
}
