import PCI
import PCIModel

/// A virtio network device on PCI, written from the device's side of VIRTIO 1.2
/// (§2.1, §2.7, §3.1, §4.1, §5.1) and strict: what a driver must not do it does
/// not overlook, but notes as a ``Violation``.
///
/// Legacy registers are at base address register 0, MSI-X at 1, the modern
/// structures at 4. Registers of both kinds act on the same device.
final class NetworkDeviceModel: ModelFunction {
  /// How the device is built.
  struct Build: Sendable {
    var isLegacy = true
    var isModern = true
    var hasMSIX = true
    /// Vectors that the device has to give; more are refused.
    var vectors: UInt16 = 3
    var offered: UInt64 =
      1 << 5 | 1 << 16 | 1 << 27 | 1 << 32 | 1 << 28 | 1 << 29 | 1 << 15
    var queueSizes: [UInt16] = [256, 256]
    var macAddress: [UInt8] = [0x52, 0x54, 0, 0x12, 0x34, 0x56]
    var linkStatus: UInt16 = 1
    var mtu: UInt16 = 1500
    var notifyMultiplier: UInt32 = 4
    /// The queue's place among the doorbells; not its number.
    var notifyOffsets: [UInt16] = [5, 2]
    /// Reads of the status until a reset has come to its end; `nil`: never.
    var resetReads: Int? = 3
    var refusesFeatures = false
    /// Reads of the configuration during which it changes each time.
    var unsteadyReads = 0
    var legacyKind = ModelFunction.BaseAddress(.io, size: 64)
  }

  let build: Build
  let memory: ModelMemory
  /// What the driver did that it must not, in order.
  private(set) var violations: [Violation] = []
  /// Called before the device looks at the rings: what is changed there is as
  /// if the driver had written it.
  var beforeLooking: ((NetworkDeviceModel) -> Void)?
  /// How many packets are nobody's: more of them while a reset is going on are
  /// some that the device may still write to.
  var freePackets: (() -> Int)?

  // MARK: State

  var queues: [DeviceQueue]
  /// As left by another driver: what is not reset first goes wrong.
  private(set) var status: UInt8 = 0x07
  private var hasBeenReset = false
  private var resetReadsDone = 0
  private var freePacketsBeforeReset = 0
  private var isResetting = false
  private var mustReadFeaturesOK = false
  private var featuresRefused = false
  private(set) var accepted: UInt64 = 0
  private(set) var interruptStatus: UInt8 = 0
  var configurationVector: UInt16 = 0xFFFF
  private var unreadVectors: Set<Int> = []
  private(set) var generation: UInt8 = 0
  private var unsteadyReadsLeft: Int
  var linkStatus: UInt16

  // Selectors of the common configuration.
  var deviceFeatureSelect: UInt32 = 0
  var driverFeatureSelect: UInt32 = 0
  var queueSelect: UInt16 = 0

  // MARK: What tests look at

  /// The frames that the driver has sent, without their headers.
  private(set) var sent: [[UInt8]] = []
  /// How often each queue was notified.
  private(set) var notifications: [Int: Int] = [:]
  /// The vectors of interrupts; `nil` for the interrupt line.
  private(set) var interrupts: [UInt16?] = []
  /// Whether the interrupt line is pulled.
  var isLinePulled: Bool { interruptStatus != 0 && !isMSIXEnabled }
  /// Whether frames to send are taken as soon as the driver notifies.
  var sendsAtOnce = true

  init(_ build: Build = Build(), in machine: ModelMachine) {
    self.build = build
    memory = machine.memory
    queues = build.queueSizes.map { DeviceQueue(largestSize: $0) }
    unsteadyReadsLeft = build.unsteadyReads
    linkStatus = build.linkStatus
    super.init(
      vendor: 0x1AF4,
      device: build.isLegacy ? 0x1000 : 0x1041,
      classCode: 0x020000
    )
    bytes[0x08] = build.isLegacy ? 0 : 1
    bytes[0x3D] = 1
    if build.isLegacy {
      let address: UInt64 = build.legacyKind.kind == .io ? 0xC040 : 0xFE00_0000
      add(0, build.legacyKind, at: address)
    }
    if build.hasMSIX {
      add(1, BaseAddress(.memory32, size: 4096), at: 0xFEBC_0000)
      // Table of three entries at 0, pending bits at 800h, both in BAR 1.
      addCapability(0x11, at: 0x40, [2, 0, 1, 0, 0, 0, 1, 8, 0, 0])
      writable[0x43] = 0xC0
    }
    if build.isModern { addStructures() }
  }

  private func addStructures() {
    add(
      4,
      BaseAddress(.memory64, size: 0x4000, isPrefetchable: true),
      at: 0xFEBD_0000
    )
    // An unknown kind and one with a reserved register first: to be ignored.
    addStructure(at: 0x50, kind: 0x77, offset: 0, length: 64)
    addStructure(at: 0x60, kind: 1, register: 7, offset: 0, length: 64)
    addStructure(at: 0x70, kind: 1, offset: 0, length: 56)
    addStructure(at: 0x80, kind: 3, offset: 0x1000, length: 1)
    addStructure(at: 0x90, kind: 4, offset: 0x2000, length: 12)
    addStructure(
      at: 0xA0,
      kind: 2,
      offset: 0x3000,
      length: 0x100,
      multiplier: build.notifyMultiplier
    )
  }

  /// Adds a capability that names a structure. §4.1.4.
  func addStructure(
    at place: Int,
    kind: UInt8,
    register: UInt8 = 4,
    offset: UInt32,
    length: UInt32,
    multiplier: UInt32? = nil
  ) {
    let size: UInt8 = multiplier == nil ? 16 : 20
    addCapability(9, at: place, [size, kind, register, 0, 0, 0])
    set32(place + 8, offset)
    set32(place + 12, length)
    if let multiplier { set32(place + 16, multiplier) }
  }

  func object(_ violation: Violation) { violations.append(violation) }

  // MARK: Facts

  var isModernDriver: Bool { accepted & 1 << 32 != 0 }
  var isMSIXEnabled: Bool { build.hasMSIX && bytes[0x43] & 0x80 != 0 }
  var isRunning: Bool { status & 0x84 == 0x04 && !isResetting }

  /// 12 bytes, 10 for a legacy driver without merged buffers. §5.1.6.1.
  var headerSize: Int {
    isModernDriver || accepted & 1 << 15 != 0 ? 12 : 10
  }

  // MARK: Status

  func readStatus() -> UInt8 {
    if isResetting {
      checkMemory()
      guard let reads = build.resetReads, resetReadsDone >= reads else {
        resetReadsDone += 1
        return status | 0x40
      }
      finishReset()
    }
    mustReadFeaturesOK = false
    return status
  }

  private func checkMemory() {
    if let freePackets, freePackets() > freePacketsBeforeReset {
      object(.memoryTakenBack)
    }
  }

  private func finishReset() {
    isResetting = false
    hasBeenReset = true
    status = 0
    accepted = 0
    interruptStatus = 0
    configurationVector = 0xFFFF
    unreadVectors = []
    featuresRefused = false
    for index in queues.indices { queues[index].reset() }
  }

  func writeStatus(_ new: UInt8) {
    if new == 0 {
      isResetting = true
      resetReadsDone = 0
      freePacketsBeforeReset = freePackets?() ?? 0
      mustReadFeaturesOK = false
      return
    }
    if isResetting { return object(.resetNotAwaited) }
    // FAILED may come at any time, also when the reset did not help.
    guard new & 0x80 == 0 else {
      status |= 0x80
      return
    }
    guard hasBeenReset else { return object(.notReset) }
    if status & 0x80 != 0 { return object(.usedAfterFailed) }
    if status & ~new & ~0x40 != 0 { object(.statusBitCleared) }
    let isModern = isModernDriver || new & 8 != 0 || !build.isLegacy
    if new & 2 != 0, status & 1 == 0 { object(.statusOutOfOrder) }
    if new & 8 != 0, status & 2 == 0 { object(.statusOutOfOrder) }
    if new & 4 != 0, status & 4 == 0 { becomeReady(isModern: isModern) }
    var kept = new
    if new & 8 != 0, status & 8 == 0 {
      mustReadFeaturesOK = true
      if build.refusesFeatures || featuresRefused {
        featuresRefused = true
        kept &= ~8
      }
    }
    status = kept
  }

  private func becomeReady(isModern: Bool) {
    if isModern ? status & 8 == 0 : status & 2 == 0 {
      object(featuresRefused ? .refusedFeaturesUsed : .statusOutOfOrder)
    }
    if mustReadFeaturesOK { object(.featuresNotReadBack) }
    if !unreadVectors.isEmpty { object(.vectorNotReadBack) }
    if queues.contains(where: { !$0.isEnabled }) { object(.queueMissing) }
  }

  // MARK: Features

  func accept(_ bits: UInt64, half: UInt32? = nil) {
    if status & 2 == 0 { object(.statusOutOfOrder) }
    if status & 0xC != 0 || !hasBeenReset { object(.featuresAfterAgreement) }
    let mask: UInt64 = half.map { 0xFFFF_FFFF << UInt64(32 * $0) } ?? .max
    accepted = accepted & ~mask | bits & mask
    if accepted & ~offered(isModern: half != nil) != 0 {
      object(.featureNotOffered)
      featuresRefused = true
    }
    // The one dependency that the features of this driver could break.
    if accepted & 1 << 22 != 0, accepted & 1 << 17 == 0 {
      object(.featureDependency)
    }
  }

  /// A transitional device offers legacy drivers ANY_LAYOUT, and modern ones
  /// VERSION_1.
  func offered(isModern: Bool) -> UInt64 {
    isModern ? build.offered & ~(1 << 27) : build.offered & 0xFFFF_FFFF
  }

  // MARK: Vectors

  /// Sets a vector; the register keeps FFFFh when there is none left.
  func setVector(_ vector: UInt16, queue: Int?) {
    if !isMSIXEnabled || vector > 2 && vector != 0xFFFF {
      object(.vectorOutOfTable)
    }
    let kept = vector < build.vectors ? vector : 0xFFFF
    unreadVectors.insert(queue ?? -1)
    if let queue {
      queues[queue].vector = kept
    } else {
      configurationVector = kept
    }
  }

  func readVector(queue: Int?) -> UInt16 {
    unreadVectors.remove(queue ?? -1)
    return queue.map { queues[$0].vector } ?? configurationVector
  }

  // MARK: Queues

  var selected: Int? {
    Int(queueSelect) < queues.count ? Int(queueSelect) : nil
  }

  /// Notes what is wrong with changing the selected queue now.
  func checkQueueChange(isModern: Bool) {
    if isModern ? status & 8 == 0 : status & 2 == 0 { object(.queueOutOfOrder) }
    if mustReadFeaturesOK { object(.featuresNotReadBack) }
    if status & 4 != 0 { object(.queueOutOfOrder) }
    guard let selected else { return object(.noSuchQueue) }
    if queues[selected].isEnabled { object(.queueChangedWhileEnabled) }
  }

  func enableSelected() {
    guard let selected else { return object(.noSuchQueue) }
    let queue = queues[selected]
    let size = UInt64(queue.size)
    if size == 0 || size & (size - 1) != 0 || queue.size > queue.largestSize {
      return object(.badQueueSize)
    }
    if queue.descriptors % 16 != 0 || queue.driverArea % 2 != 0
      || queue.deviceArea % 4 != 0
    {
      object(.misalignedQueue)
    }
    guard memory.contains(queue.descriptors, Int(16 * size)),
      memory.contains(queue.driverArea, Int(6 + 2 * size)),
      memory.contains(queue.deviceArea, Int(6 + 8 * size))
    else { return object(.queueNotInMemory) }
    queues[selected].isEnabled = true
  }

  func notify(_ index: UInt32) {
    guard index < UInt32(queues.count) else { return object(.noSuchQueue) }
    notifications[Int(index), default: 0] += 1
    guard isRunning else { return object(.notifiedTooEarly) }
    look(Int(index))
    if index == 1, sendsAtOnce { send() }
  }

  /// Looks what the driver has made available.
  private func look(_ index: Int) {
    if command & 4 == 0 { object(.notBusMaster) }
    beforeLooking?(self)
    var found: [Violation] = []
    let known = queues[index].waiting.count
    queues[index].look(memory) { found.append($0) }
    for chain in queues[index].waiting.dropFirst(known) {
      if chain.parts.contains(where: { $0.isWritable != (index == 0) }) {
        found.append(.wrongDirection)
      }
      if needsOwnHeader, chain.parts.first?.length != headerSize {
        found.append(.headerNotSeparate)
      }
      if index == 0, chain.length < headerSize + 1514 {
        found.append(.receiveBufferTooSmall)
      }
    }
    found.forEach(object)
  }

  /// §2.7.4: a legacy driver without ANY_LAYOUT.
  private var needsOwnHeader: Bool {
    !isModernDriver && accepted & 1 << 27 == 0
  }

  // MARK: The wire

  /// Takes the frames that the driver has made available, and gives their
  /// buffers back.
  func send(atMost limit: Int = .max) {
    guard isRunning else { return }
    look(1)
    var count = 0
    while count < limit, let chain = queues[1].next() {
      count += 1
      take(chain)
      // §5.1.6.1: what a legacy device says of the length is rubbish.
      let length: UInt32 = isModernDriver ? 0 : 0xDEAD
      queues[1].use(chain, length: length, memory)
    }
    if count > 0 { interruptDriver(queue: 1) }
  }

  private func take(_ chain: DeviceQueue.Chain) {
    var bytes: [UInt8] = []
    for part in chain.parts {
      bytes += memory.read(part.address, part.length) ?? []
    }
    guard bytes.count >= headerSize + 14 else { return object(.frameTooShort) }
    if bytes[..<headerSize].contains(where: { $0 != 0 }) {
      object(.headerNotZero)
    }
    sent.append(Array(bytes[headerSize...]))
  }

  /// Writes `frame` to the driver's next buffer, behind `header`; says whether
  /// there was one.
  @discardableResult
  func deliver(_ frame: [UInt8], header: [UInt8]? = nil) -> Bool {
    guard isRunning else { return false }
    look(0)
    guard let chain = queues[0].next() else { return false }
    var head = header ?? [UInt8](repeating: 0, count: headerSize)
    // §5.1.6.4.1: one buffer; not set without merged buffers by some.
    if header == nil, headerSize == 12 { head[10] = 1 }
    var rest = (head + frame)[...]
    for part in chain.parts {
      _ = memory.write(part.address, Array(rest.prefix(part.length)))
      rest = rest.dropFirst(part.length)
    }
    queues[0].use(
      chain,
      length: UInt32(head.count + frame.count),
      memory
    )
    interruptDriver(queue: 0)
    return true
  }

  /// The next chain of a queue, for a test to use as no device may.
  func takeChain(_ queue: Int) -> DeviceQueue.Chain? {
    look(queue)
    return queues[queue].next()
  }

  /// Interrupts, unless the driver asked not to. §2.7.7.
  func interruptDriver(queue: Int) {
    guard queues[queue].availableFlags(memory) & 1 == 0 else { return }
    interruptStatus |= 1
    interrupts.append(isMSIXEnabled ? queues[queue].vector : nil)
  }

  /// Changes the link and interrupts for it. §2.5, §4.1.5.4.
  func changeLink(isUp: Bool) {
    linkStatus = isUp ? 1 : 0
    generation &+= 1
    interruptStatus |= 2
    interrupts.append(isMSIXEnabled ? configurationVector : nil)
  }

  /// Says that only a reset helps. §2.1.2.
  func askForReset() {
    status |= 0x40
    interruptStatus |= 2
    interrupts.append(isMSIXEnabled ? configurationVector : nil)
  }

  /// Reading takes the line back. §4.1.4.5.
  func takeInterruptStatus() -> UInt8 {
    defer { interruptStatus = 0 }
    return interruptStatus
  }

  /// Asks the driver not to notify, or to do so again. §2.7.10.
  func suppressNotifications(_ isSuppressed: Bool, queue: Int) {
    memory.store(
      isSuppressed ? 1 : 0 as UInt16,
      at: queues[queue].deviceArea
    )
  }

  // MARK: Configuration

  /// A byte of the device's configuration. §5.1.4.
  func configuration(_ offset: Int) -> UInt8 {
    if unsteadyReadsLeft > 0 {
      unsteadyReadsLeft -= 1
      generation &+= 1
      return UInt8(truncatingIfNeeded: unsteadyReadsLeft)
    }
    switch offset {
    case 0..<6:
      if build.offered & 1 << 5 == 0 { object(.configurationNotOffered) }
      return build.macAddress[offset]
    case 6, 7:
      if build.offered & 1 << 16 == 0 { object(.configurationNotOffered) }
      return UInt8(truncatingIfNeeded: linkStatus >> UInt16(8 * (offset - 6)))
    case 10, 11:
      if build.offered & 1 << 3 == 0 { object(.configurationNotOffered) }
      return UInt8(truncatingIfNeeded: build.mtu >> UInt16(8 * (offset - 10)))
    default:
      object(.configurationNotOffered)
      return 0
    }
  }

  /// Reads a field of the configuration as wide as it is.
  func configuration(_ offset: Int, width: Int) -> UInt32 {
    // §4.1.3.1: the address is six fields of a byte, the rest are of two.
    if width != (offset < 6 ? 1 : 2) { object(.wrongWidth) }
    return (0..<width).reduce(0) {
      $0 | UInt32(configuration(offset + $1)) << UInt32(8 * $1)
    }
  }

  // MARK: Registers

  override func read(_ baseAddress: Int, _ offset: Int, width: Int) -> UInt32 {
    switch baseAddress {
    case 0: readLegacy(offset, width: width)
    case 4: readModern(offset, width: width)
    default: super.read(baseAddress, offset, width: width)
    }
  }

  override func write(_ write: Write) {
    switch write.baseAddress {
    case 0: writeLegacy(write.offset, width: write.width, write.value)
    case 4: writeModern(write.offset, width: write.width, write.value)
    default: super.write(write)
    }
  }
}
