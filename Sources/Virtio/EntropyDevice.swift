import CPU
import Packets

/// What ``EntropyDevice/take(_:)`` has found.
public enum EntropyAnswer: Hashable, Sendable {
  /// Nothing yet.
  case none
  /// So many bytes; they were used and are gone.
  case bytes(Int)
  /// Something that no device may answer. It has been reset and is not asked
  /// again.
  case lie
}

/// A virtio entropy device: random bytes of the host. VIRTIO 1.2 §5.4.
///
///     pool -> request(): post -> device fills -> take(): use, wipe -> pool
///
/// There is one buffer. It is asked for, and looked for later: nothing waits
/// unless it wants to, and the device is not asked to interrupt. Each byte is
/// used once: the buffer is zero whenever the device gets it, so that one which
/// says it has written what it has not gives zeros, and not what it gave before.
///
/// Whoever uses the bytes must not rely on them alone: whether they are random
/// cannot be seen.
public struct EntropyDevice<T: Transport>: ~Copyable {
  /// §5.4.2: requestq.
  private static var requestQueue: UInt16 { 0 }
  /// The bytes that are asked for at a time: four times a key of 128 bits, for a
  /// device whose bits are not all as random as they should be.
  public static var bytesPerRequest: Int { 64 }

  /// How the device is driven.
  public let transport: T
  private let pool: PacketPool
  private var queue: Virtqueue
  private var doorbell: Doorbell?
  /// Whether the device has the buffer.
  public private(set) var isAsked = false
  /// Whether it has lied, and nothing comes from it any more.
  public private(set) var isGivenUp = false

  // MARK: Life

  /// Starts the device. §3.1.1.
  ///
  /// A device that was started is to be ended by ``stop()``: without that, the
  /// buffer that it was given stays with it.
  ///
  /// - Parameters:
  ///   - transport: How to reach it.
  ///   - pool: Where the buffer comes from: one packet of it. It must outlive
  ///     the device, and a device that does not come out of its reset keeps its
  ///     buffer for ever.
  /// - Throws: Why it cannot be driven; it has been told so (FAILED) and is
  ///   left alone.
  public static func start(
    _ transport: T,
    pool: PacketPool
  ) throws(VirtioError) -> EntropyDevice {
    do throws(VirtioError) {
      try transport.reset()
      transport.status = [.acknowledge]
      transport.status = [.acknowledge, .driver]
      let features = try agreeOnFeatures(transport)
      var device = EntropyDevice(
        transport,
        pool,
        try Virtqueue(
          of: transport,
          Self.requestQueue,
          QueueFormat(features)
        )
      )
      try device.enableQueue()
      transport.status = transport.status.union(.driverOK)
      return device
    } catch {
      transport.status = transport.status.union(.failed)
      throw error
    }
  }

  private init(
    _ transport: T,
    _ pool: PacketPool,
    _ queue: consuming Virtqueue
  ) {
    self.transport = transport
    self.pool = pool
    self.queue = queue
  }

  /// §5.4.3: the device has no features of its own. Of those that all devices
  /// share these are of use with one buffer, or cost nothing.
  private static func agreeOnFeatures(
    _ transport: T
  ) throws(VirtioError) -> Features {
    let accepted = transport.offeredFeatures.intersection([
      .version1, .ringPacked, .accessPlatform, .orderPlatform,
    ])
    guard transport.isLegacy || accepted.contains(.version1) else {
      throw VirtioError.featuresRefused
    }
    transport.accept(accepted)
    // §3.1.2: legacy devices know no FEATURES_OK.
    guard !transport.isLegacy else { return accepted }
    transport.status = [.acknowledge, .driver, .featuresOK]
    guard transport.status.contains(.featuresOK) else {
      throw VirtioError.featuresRefused
    }
    return accepted
  }

  private mutating func enableQueue() throws(VirtioError) {
    do throws(VirtioError) {
      doorbell = try queue.enable(
        on: transport,
        Self.requestQueue,
        vector: nil
      )
    } catch {
      try halt()
      throw error
    }
  }

  private mutating func halt() throws(VirtioError) {
    try transport.reset()
    queue.takeBack()
  }

  /// Stops the device for good: the buffer is back in the pool afterwards.
  ///
  /// - Throws: `resetFailed` when the device does not come to rest; then the
  ///   buffer is lost, for it may still write there.
  public consuming func stop() throws(VirtioError) { try halt() }

  /// Resets a device that has lied. When it does not come to rest either, the
  /// queue keeps the buffer from everyone.
  private mutating func giveUp() {
    isGivenUp = true
    isAsked = false
    try? halt()
    transport.status = transport.status.union(.failed)
  }

  // MARK: Bytes

  /// Gives the device the buffer to fill, if it has not got it.
  public mutating func request() {
    guard !isAsked, !isGivenUp, var packet = pool.allocate() else { return }
    packet.append(Self.bytesPerRequest)
    Self.wipe(&packet)
    // §5.4.6.1: only buffers that the device writes.
    queue.post(
      packet,
      Virtqueue.Direction(deviceWrites: true),
      reachedBy: transport
    )
    isAsked = true
    if queue.publish(), let doorbell {
      transport.notify(Self.requestQueue, doorbell, data: nil)
    }
  }

  /// Lends the bytes that the device has given, if it has, to `use`; afterwards
  /// they are gone.
  public mutating func take(_ use: (RawSpan) -> Void) -> EntropyAnswer {
    guard isAsked else { return .none }
    guard let completion = queue.takeUsed() else {
      guard queue.isBroken else { return .none }
      giveUp()
      return .lie
    }
    isAsked = false
    let (written, posted) = (completion.writtenCount, completion.postedCount)
    var packet = completion.packet
    // §5.4.6.1: how many there are is looked at; §5.4.6.2: it is at least one.
    guard written > 0, written <= posted else {
      giveUp()
      return .lie
    }
    packet.removeLast(posted - written)
    use(packet.bytes)
    Self.wipe(&packet)
    return .bytes(written)
  }

  /// The same, but waits for them until `isOver` says so.
  ///
  /// - Parameter isOver: Asked after every look; the clock is the caller's.
  public mutating func take(
    until isOver: () -> Bool,
    _ use: (RawSpan) -> Void
  ) -> EntropyAnswer {
    while true {
      let answer = take(use)
      if answer != .none || !isAsked || isOver() { return answer }
      cpu_pause()
    }
  }

  private static func wipe(_ packet: inout PacketBuffer) {
    let count = packet.count
    var bytes = packet.mutableBytes
    for offset in 0..<count { bytes.storeLittleEndian(UInt8(0), at: offset) }
  }
}
