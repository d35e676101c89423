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
  var status: UInt8 = 0x07
  private var hasBeenReset = false
  private var resetReadsDone = 0
  private var freePacketsBeforeReset = 0
  var isResetting = false
  var mustReadFeaturesOK = false
  private var featuresRefused = false
  private(set) var accepted: UInt64 = 0
  var interruptStatus: UInt8 = 0
  var configurationVector: UInt16 = 0xFFFF
  private var unreadVectors: Set<Int> = []
  var generation: UInt8 = 0
  var unsteadyReadsLeft: Int
  var linkStatus: UInt16

  // Selectors of the common configuration.
  var deviceFeatureSelect: UInt32 = 0
  var driverFeatureSelect: UInt32 = 0
  var queueSelect: UInt16 = 0

  // MARK: What tests look at

  /// The frames that the driver has sent, without their headers.
  var sent: [[UInt8]] = []
  /// How often each queue was notified.
  var notifications: [Int: Int] = [:]
  /// The vectors of interrupts; `nil` for the interrupt line.
  var interrupts: [UInt16?] = []
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
