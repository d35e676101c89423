import PCIModel
import Packets

@testable import Virtio

/// One case being played: the driver, the device, and what each was given.
struct PropertyRun: ~Copyable {
  /// What did not hold.
  struct Fault: Error, CustomStringConvertible {
    var description: String
  }

  /// A frame on its way to the driver.
  private struct Expected {
    var bytes: [UInt8]
    var isVerified: Bool
    var segmentSize: Int
  }

  /// The bytes of a frame to send that fit in one more slot.
  private static let fragmentSize = 1800

  private var numbers: SeededNumbers
  private let rig: Rig
  private let steps: Int
  private var device: Rig.Device
  /// Frames that the driver has been handed and has not passed on.
  private var expected: [Expected] = []
  /// Frames that the driver was given to send, as the device must see them.
  private var given: [[UInt8]] = []
  /// What they must be on the wire, joined; by frame.
  private var wire: [[[UInt8]]] = []
  /// What was received and is still held.
  private var held = PacketQueue()
  private var heldSlots = 0
  private var number = 0
  private var refused: UInt64 = 0
  private var areInterruptsOn = false
  private let isLoud: Bool

  init(_ test: PropertyCase, isLoud: Bool) throws {
    self.isLoud = isLoud
    numbers = test.numbers
    steps = test.steps
    rig = Rig(
      test.way,
      test.build,
      packets: 200,
      receiveMemory: test.receiveMemory
    )
    rig.without = test.without
    rig.model.completion = test.completion
    rig.model.sendsAtOnce = test.sendsAtOnce
    device = try rig.start()
    rig.model.looksOnlyWhenNotified = test.looksOnlyWhenNotified
    if device.features.contains(.eventIdx) {
      for queue in 0..<2 {
        rig.model.notify(after: test.notifyAfter, queue: queue)
      }
    }
  }

  private func check(
    _ isSo: Bool,
    _ what: @autoclosure () -> String
  ) throws {
    if !isSo { throw Fault(description: what()) }
  }

  private func say(_ step: @autoclosure () -> String) {
    if isLoud { print(step()) }
  }

  private mutating func random(_ range: ClosedRange<Int>) -> Int {
    Int.random(in: range, using: &numbers)
  }

  private mutating func chance(_ percent: Int) -> Bool {
    random(0...99) < percent
  }

  // MARK: Playing

  /// Plays all of it.
  consuming func play() throws {
    let rig = rig
    do {
      for _ in 0..<steps {
        try step()
        try audit()
      }
      try settle()
      try end()
    } catch {
      // What is with a device that was not stopped never comes back.
      rig.keepPool()
      throw error
    }
  }

  private mutating func step() throws {
    switch random(0...99) {
    case 0..<22: try deliver()
    case 22..<32: try deliverLarge()
    case 32..<48: try receive(atMost: random(1...6))
    case 48..<66: try transmit()
    case 66..<74: try transmitLarge()
    case 74..<80:
      say("send")
      rig.model.send(atMost: random(1...5))
    case 80..<83:
      say("complete")
      rig.model.complete()
    case 83..<90: try turn()
    case 90..<93: toggleInterrupts()
    case 93: toggleStall()
    case 94: try flapLink()
    case 95: toggleSuppression()
    case 96: dropHeld()
    case 97 where chance(50): try restart()
    default: try turn()
    }
  }

  /// What the loop does when it comes round.
  private mutating func turn() throws {
    say("turn")
    device.reclaim()
    device.refill()
    device.flush()
    try checkNotified()
  }

  private func checkNotified() throws {
    let owed = rig.model.owedNotifications
    try check(owed == [], "no notification of \(owed)")
  }

  private mutating func toggleInterrupts() {
    say("interrupts")
    areInterruptsOn.toggle()
    if areInterruptsOn {
      _ = device.enableInterrupts()
    } else {
      device.disableInterrupts()
    }
  }

  private mutating func toggleStall() {
    let queue = random(0...1)
    say("stall \(queue)")
    if rig.model.stalled.insert(queue).inserted { return }
    resume(queue)
  }

  /// A queue goes on; what was notified meanwhile is looked for.
  private func resume(_ queue: Int) {
    rig.model.stalled.remove(queue)
    let isLazy = rig.model.looksOnlyWhenNotified
    rig.model.looksOnlyWhenNotified = false
    rig.model.look(queue)
    rig.model.looksOnlyWhenNotified = isLazy
  }

  private mutating func flapLink() throws {
    let isUp = chance(50)
    say("link \(isUp)")
    rig.model.changeLink(isUp: isUp)
    let isSaidUp = device.isLinkUp
    let isKnown = device.features.contains(.status)
    try check(isSaidUp == (isUp || !isKnown), "the link is \(isSaidUp)")
  }

  private mutating func toggleSuppression() {
    let queue = random(0...1)
    let isSuppressed = chance(50)
    say("suppress \(queue) \(isSuppressed)")
    rig.model.suppressNotifications(isSuppressed, queue: queue)
    // A device that asks for notifications again looks once more.
    if !isSuppressed { resume(queue) }
  }

  private mutating func dropHeld() {
    say("drop")
    held = PacketQueue()
    heldSlots = 0
  }

  private mutating func restart() throws {
    say("restart")
    rig.model.askForReset()
    let needsReset = device.needsReset
    try check(needsReset, "NEEDS_RESET was not seen")
    let features = device.features
    let restarts = device.counters.restarts
    rig.model.stalled = []
    try device.restart()
    let (now, count) = (device.features, device.counters.restarts)
    try check(now == features, "other features after a restart")
    try check(count == restarts + 1, "the restart was not counted")
    areInterruptsOn = false
    // What either side held is lost.
    expected = []
    given = Array(given.prefix(rig.model.sent.count))
    wire = Array(wire.prefix(rig.model.sent.count))
  }

  // MARK: To the driver

  private var largestPacket: Int { device.mtu ?? 1500 }

  private mutating func deliver() throws {
    let kind = Traffic.Kind.allCases.randomElement(using: &numbers) ?? .other
    let room = largestPacket + 14 - kind.headerSize
    number += 1
    let count = chance(10) ? room : random(4...min(room, 200))
    let frame = Traffic.frame(kind, number, payload: count)
    let offload: NetworkDeviceModel.Offload =
      chance(50) ? .none : chance(50) ? .valid : .partial
    say("deliver \(number) \(kind) \(frame.count) \(offload)")
    guard rig.model.deliver(frame, offload: offload) else { return }
    let isTold = rig.model.takes(.guestCsum) && offload != .none
    let isPartial = isTold && offload == .partial && kind != .other
    expected.append(
      Expected(
        bytes: isPartial ? Traffic.begun(frame) : frame,
        isVerified: isTold && (offload == .valid || isPartial),
        segmentSize: 0
      )
    )
  }

  private mutating func deliverLarge() throws {
    typealias Wire = PacketHeaderFields.Segmentation
    let choices: [(Traffic.Kind, UInt8, [FeatureBit])] = [
      (.tcp4, Wire.tcp4, [.guestTSO4]), (.tcp6, Wire.tcp6, [.guestTSO6]),
      (.udp4, Wire.udpSegments, [.guestUSO4, .guestUSO6]),
      (.udp6, Wire.udpSegments, [.guestUSO4, .guestUSO6]),
      (.udp4, Wire.udpFragments, [.guestUFO]),
    ]
    guard let (kind, type, features) = choices.randomElement(using: &numbers)
    else { return }
    let isECN = kind.isTCP && chance(20)
    let size = random(100...(largestPacket + 14 - kind.headerSize))
    let most = chance(10) ? 65_535 - 60 : 6000
    let count = random(min(size + 1, most)...most)
    number += 1
    let packet = Traffic.frame(
      kind,
      number,
      payload: count,
      isCongestionMarked: isECN
    )
    let isTaken =
      features.contains(where: rig.model.takes)
      && (!isECN || rig.model.takes(.guestECN))
    say("large \(number) \(kind) \(count) by \(size), \(isTaken)")
    guard isTaken else {
      let frames = Segmentation.frames(packet, type: type, segmentSize: size)
      for frame in frames ?? [] where rig.model.deliver(frame) {
        expected.append(
          Expected(bytes: frame, isVerified: false, segmentSize: 0)
        )
      }
      return
    }
    let offload = NetworkDeviceModel.Offload.large(
      type: type,
      segmentSize: size,
      isECN: isECN
    )
    guard rig.model.deliver(packet, offload: offload) else { return }
    expected.append(
      Expected(
        bytes: Traffic.begun(packet),
        isVerified: true,
        segmentSize: size
      )
    )
  }

  private mutating func receive(atMost limit: Int) throws {
    say("receive")
    for _ in 0..<limit {
      guard let packet = device.receive() else {
        try check(
          expected.isEmpty || rig.model.stalled.contains(0),
          "\(expected.count) frames did not come"
        )
        return
      }
      guard let next = expected.first else {
        throw Fault(description: "a frame of nobody came")
      }
      expected.removeFirst()
      let arrived = wholeBytes(packet)
      try check(
        arrived == next.bytes,
        "\(arrived.count) bytes came instead of \(next.bytes.count)"
      )
      let isVerified = packet.isChecksumVerified
      try check(isVerified == next.isVerified, "verified: \(isVerified)")
      let size = packet.mergedSegmentSize
      try check(size == next.segmentSize, "segments of \(size)")
      if held.count < 3, chance(30) {
        heldSlots += 1 + packet.fragmentCount
        held.append(packet)
      }
    }
  }

  private func wholeBytes(_ packet: borrowing PacketBuffer) -> [UInt8] {
    var all = bytes(of: packet)
    for index in 0..<packet.fragmentCount {
      let part = packet.fragmentBytes(index)
      all += (0..<part.byteCount).map { part.byte(at: $0) }
    }
    return all
  }

  // MARK: To the device

  private mutating func transmit() throws {
    let kind = Traffic.Kind.allCases.randomElement(using: &numbers) ?? .other
    let fragments = random(0...min(3, device.mostFragments))
    let room = min(
      largestPacket + 14 - kind.headerSize,
      1600 + Self.fragmentSize * fragments
    )
    number += 1
    let count = chance(10) ? room : random(4...min(room, 200))
    let frame = Traffic.frame(kind, number, payload: count)
    let isPartial = kind != .other && chance(40)
    say("transmit \(number) \(kind) \(frame.count) \(isPartial)")
    guard device.canTransmit(),
      var packet = packet(
        isPartial ? Traffic.begun(frame) : frame,
        first: kind.headerSize,
        fragments: fragments
      )
    else { return }
    if isPartial {
      packet.partialChecksum = .init(
        start: kind.headerSize - (kind.isTCP ? 20 : 8),
        field: kind.isTCP ? 16 : 6
      )
    }
    device.transmit(packet)
    guard !isPartial || device.features.contains(.csum) else {
      return try checkRefused()
    }
    given.append(isPartial ? Traffic.begun(frame) : frame)
    wire.append([frame])
  }

  private mutating func transmitLarge() throws {
    typealias Wire = PacketHeaderFields.Segmentation
    let choices: [(Traffic.Kind, SegmentationKind, UInt8, Features)] = [
      (.tcp4, .tcp4, Wire.tcp4, .hostTSO4),
      (.tcp6, .tcp6, Wire.tcp6, .hostTSO6),
      (.udp4, .udp, Wire.udpSegments, .hostUSO),
      (.udp6, .udp, Wire.udpSegments, .hostUSO),
      (.udp4, .udpFragments, Wire.udpFragments, .hostUFO),
    ]
    guard
      let (kind, segmentation, type, feature) = choices.randomElement(
        using: &numbers
      )
    else { return }
    let isECN = kind.isTCP && chance(20)
    let size = random(100...(largestPacket + 14 - kind.headerSize))
    let fragments = min(device.mostFragments, 20)
    let room = 1000 + Self.fragmentSize * fragments
    let count = chance(10) ? room : random(4...min(room, 4000))
    number += 1
    let frame = Traffic.frame(
      kind,
      number,
      payload: count,
      isCongestionMarked: isECN
    )
    say("transmit large \(number) \(kind) \(count) by \(size)")
    guard device.canTransmit(),
      var packet = packet(
        Traffic.begun(frame),
        first: kind.headerSize,
        fragments: fragments
      )
    else { return }
    packet.partialChecksum = .init(
      start: kind.headerSize - (kind.isTCP ? 20 : 8),
      field: kind.isTCP ? 16 : 6
    )
    packet.segmentation = .init(
      kind: segmentation,
      segmentSize: size,
      headerSize: kind.headerSize,
      isCongestionMarked: isECN
    )
    device.transmit(packet)
    let needed: Features = isECN ? [feature, .hostECN] : feature
    guard device.features.isSuperset(of: needed) else {
      return try checkRefused()
    }
    given.append(Traffic.begun(frame))
    wire.append(
      Segmentation.frames(frame, type: type, segmentSize: size) ?? []
    )
  }

  /// A packet of the pool with `bytes`: `first` of them at least in its first
  /// slot, the rest in up to `fragments` others; `nil` when the pool is empty.
  private func packet(
    _ bytes: [UInt8],
    first: Int,
    fragments: Int
  ) -> PacketBuffer? {
    guard rig.pool.available > fragments,
      var packet = rig.pool.allocate(headroom: 32)
    else { return nil }
    let inFirst =
      fragments == 0
      ? bytes.count : max(first, bytes.count - Self.fragmentSize * fragments)
    packet.append(copying: Array(bytes[..<inFirst]).rawBytes)
    var rest = bytes[inFirst...]
    let share = max(1, (rest.count + max(fragments, 1) - 1) / max(fragments, 1))
    while !rest.isEmpty, var fragment = rig.pool.allocate(headroom: 5) {
      fragment.append(copying: Array(rest.prefix(share)).rawBytes)
      rest = rest.dropFirst(share)
      packet.append(fragment: fragment)
    }
    return packet
  }

  private mutating func checkRefused() throws {
    refused += 1
    let count = device.counters.transmitUnsupported
    try check(count == refused, "\(count) refused instead of \(refused)")
  }

  // MARK: What must hold at all times

  private func audit() throws {
    let (model, machine) = (rig.model, rig.machine)
    try check(model.violations == [], "\(model.violations)")
    try check(machine.violations == [], "\(machine.violations)")
    let faults = model.auditBuffers()
    try check(faults == [], "\(faults)")
    let isBroken = device.isBroken
    try check(!isBroken, "the rings are broken")
    // Each buffer is at one place: free, with the device, or held.
    let pool = device.receivePool
    let out = device.pairs[0].receive.inFlightCount
    try check(
      pool.available + out + heldSlots == pool.capacity,
      "\(pool.available) free, \(out) with the device, \(heldSlots) held"
    )
    let tooSmall = model.undelivered[.bufferTooSmall] ?? 0
    try check(tooSmall == 0, "\(tooSmall) frames did not fit")
    try check(
      model.sent.count <= given.count
        && model.sent == Array(given.prefix(model.sent.count)),
      "what was sent is not what was given"
    )
  }

  /// Everything on its way arrives.
  private mutating func settle() throws {
    say("settle")
    for queue in 0..<2 {
      rig.model.suppressNotifications(false, queue: queue)
      // From here on it wants to hear of each.
      rig.model.queues[queue].notifyAfter = 0
      resume(queue)
    }
    for _ in 0..<64 {
      try turn()
      rig.model.send()
      rig.model.complete()
      try receive(atMost: 200)
      dropHeld()
      try audit()
      if expected.isEmpty, rig.model.sent.count == given.count { break }
    }
    try turn()
    rig.model.complete()
    device.reclaim()
    try check(expected.isEmpty, "\(expected.count) frames did not come")
    try check(rig.model.sent == given, "not all was sent")
    try check(rig.model.wire == wire.flatMap { $0 }, "other frames left")
    try audit()
    let counters = device.counters
    let drops =
      counters.receivedTooLong + counters.receivedTooShort
      + counters.receivedBadHeader + counters.receivedPartly
      + counters.receivedBadMerge
    try check(drops == 0, "\(drops) were dropped")
    let left = device.pairs[0].transmit.inFlightCount
    try check(left == 0, "\(left) were not given back")
    let free = rig.pool.available
    try check(free == rig.pool.capacity, "\(free) free to send")
  }

  private consuming func end() throws {
    let rig = rig
    try device.stop()
    rig.model.freePackets = nil
    guard rig.hasAllPackets else {
      throw Fault(description: "a packet is lost")
    }
    guard rig.model.violations == [] else {
      throw Fault(description: "\(rig.model.violations)")
    }
  }
}
