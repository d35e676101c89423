import Net
import Packets

/// What a device can do, and how it is used.
package struct DeviceSettings: Sendable, CustomStringConvertible {
  /// What it does with what is sent.
  package var capabilities = LinkCapabilities()
  /// Whether it says that the checksums of what has come hold.
  package var verifies = false
  /// Whether it merges segments that follow each other.
  package var merges = false
  /// The slots that it receives into, of a pool of its own; `nil`: those of the
  /// stack.
  package var slotSize: Int?
  package var slots = 512
  /// How many frames it holds that were not sent yet.
  package var ring = 256
  /// Bits a second between the device and the wire.
  package var rate: Int64 = 10_000_000_000
  /// How long it waits for more before it says that something has come.
  package var moderation = Interval.zero

  /// A device that does nothing but carry.
  package init() {}

  /// One that does all there is.
  package static var offloading: DeviceSettings {
    var settings = DeviceSettings()
    settings.capabilities.completesChecksums = true
    settings.capabilities.largestSegmentation = 65_535
    settings.capabilities.mostFragments = 16
    settings.verifies = true
    settings.merges = true
    settings.slotSize = 16_384
    settings.moderation = .microseconds(250)
    return settings
  }

  package var description: String {
    "checksums \(capabilities.completesChecksums), cuts "
      + "\(capabilities.largestSegmentation), fragments "
      + "\(capabilities.mostFragments), verifies \(verifies), merges \(merges), "
      + "slots \(slotSize.map { "\(slots) of \($0)" } ?? "of the stack")"
  }
}

/// A device of a made-up machine. It is strict: what the stack may not ask of
/// it, it refuses.
package final class SimulatedDevice {
  package var settings: DeviceSettings
  /// Frames that have come and were not handed up.
  private var arrived: [Frame] = []
  /// When it says so.
  private(set) var interrupt: Instant?
  /// What is with it to be sent, and until when.
  private var outgoing = PacketQueue()
  private var finished: [Instant] = []
  private var firstFinished = 0
  private var freeAt = Instant(nanoseconds: 0)
  private var dice: Dice

  package private(set) var cutPackets = 0
  package private(set) var mergedPackets = 0
  package private(set) var refused = 0

  init(_ settings: DeviceSettings, seed: UInt64, _ stream: UInt64) {
    self.settings = settings
    dice = Dice(seed: seed, stream)
  }

  // MARK: Sending

  /// Whether there is room for one more packet.
  var hasRoom: Bool { outgoing.count < settings.ring }

  /// When it has sent all that it holds.
  var idleAt: Instant? { outgoing.isEmpty ? nil : finished.last }

  /// Gives back what was sent.
  func reclaim(at now: Instant) {
    while firstFinished < finished.count, finished[firstFinished] <= now {
      firstFinished += 1
      _ = outgoing.popFirst()
    }
    if firstFinished == finished.count {
      finished.removeAll(keepingCapacity: true)
      firstFinished = 0
    }
  }

  /// Sends `packet`: calls `depart` for every frame of it, with when it is out.
  func send(
    _ packet: consuming PacketBuffer,
    at now: Instant,
    depart: (Frame, Instant) throws(Failure) -> Void
  ) throws(Failure) {
    let frames = try SegmentCutter(settings.capabilities).frames(of: packet)
    if frames.count > 1 { cutPackets += 1 }
    freeAt = max(freeAt, now)
    for frame in frames {
      let bits = Int64(frame.bytes.count) * 8
      freeAt =
        freeAt + Interval(nanoseconds: bits * 1_000_000_000 / settings.rate)
      try depart(frame, freeAt)
    }
    outgoing.append(packet)
    finished.append(freeAt)
  }

  // MARK: Receiving

  /// Takes a frame from the wire.
  func arrive(_ frame: Frame, at now: Instant) {
    arrived.append(frame)
    if interrupt == nil { interrupt = now + settings.moderation }
  }

  /// Hands up what has come, as packets of `pool`. What finds no slot is lost.
  func receive(
    from pool: PacketPool,
    at now: Instant,
    _ handUp: (consuming PacketBuffer) -> Void
  ) {
    guard let interrupt, interrupt <= now else { return }
    self.interrupt = nil
    let frames = arrived
    arrived.removeAll(keepingCapacity: true)
    var merger = SegmentMerger(isOn: settings.merges, dice: dice)
    for frame in frames {
      guard let whole = merger.add(frame) else { continue }
      give(whole, from: pool, handUp)
    }
    if let last = merger.finish() { give(last, from: pool, handUp) }
    dice = merger.dice
  }

  private func give(
    _ received: MergedFrame,
    from pool: PacketPool,
    _ handUp: (consuming PacketBuffer) -> Void
  ) {
    if received.segmentSize > 0 { mergedPackets += 1 }
    guard
      let packet = received.packet(
        from: pool,
        isScattered: settings.merges,
        isVerified: settings.verifies,
        &dice
      )
    else {
      refused += 1
      return
    }
    handUp(packet)
  }
}
