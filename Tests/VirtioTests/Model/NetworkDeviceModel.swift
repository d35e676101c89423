import PCI
import PCIModel

/// A virtio network device on PCI, written from the device's side of VIRTIO 1.2
/// (§2, §3.1, §4.1, §5.1) and strict: what a driver must not do it does not
/// overlook, but notes as a ``Violation``. It shares no code with the driver.
///
/// How a test uses it:
///
/// - ``Build`` says what the device is and offers. `Rig` puts it on a bus and
///   starts the real driver; a test of the model itself writes the registers
///   and rings by hand (`HandDriver`).
/// - Transmit: the model takes packets when it is notified, or by `send` where
///   `sendsAtOnce` is off. `sent` has the frames as the driver gave them,
///   `sentHeaders` their headers, `wire` what leaves the device: checksums
///   completed, large packets cut.
/// - Receive: `deliver` for a frame as it is, `deliver(_:offload:)` for partial
///   checksums and large packets. Both filter and steer as the driver has told
///   by the control queue, and spread over buffers where that was agreed on.
/// - Completion: `completion` sets order and delay, from a seed; `complete`
///   gives back all that is left. `stalled` queues do nothing at all.
/// - Wake-ups: `owedNotifications` names queues whose driver published
///   something and should have notified; `unneededNotifications` counts those
///   that nobody asked for, which is allowed. With `looksOnlyWhenNotified` the
///   device sleeps as a real one does: a lost notification is a lost frame.
/// - Control: `control` is what the driver has set; `controlAnswer` makes the
///   device answer late, wrongly or never.
/// - Lies: `tell` does one thing that no device may, see ``Lie``.
/// - At the end: `violations` must be empty, and so must `auditBuffers()`.
///
/// Legacy registers are at base address register 0, MSI-X at 1, the modern
/// structures at 4. Registers of both kinds act on the same device.
final class NetworkDeviceModel: ModelFunction {
  let build: Build
  /// The interface's address after a reset, and the MTU; a test may change them.
  var permanentAddress: [UInt8]
  var mtu: UInt16
  /// The most addresses that its table takes; with more it refuses.
  var largestTable = Int.max
  /// Whether the command that is being done is refused, though it is right.
  var isRefused = false
  let memory: ModelMemory
  /// What the driver did that it must not, in order.
  private(set) var violations: [Violation] = []
  /// Called before the device looks at the rings: what is changed there is as
  /// if the driver had written it.
  var beforeLooking: ((NetworkDeviceModel) -> Void)?
  /// How many packets are nobody's: more of them while a reset is going on are
  /// some that the device may still write to.
  var freePackets: (() -> Int)?

  // MARK: Status, features, registers

  var queues: [DeviceQueue]
  /// As left by another driver: what is not reset first goes wrong.
  var status: UInt8 = 0x07
  var hasBeenReset = false
  var resetReadsDone = 0
  var freePacketsBeforeReset = 0
  var isResetting = false
  var mustReadFeaturesOK = false
  var featuresRefused = false
  var accepted: UInt64 = 0
  var interruptStatus: UInt8 = 0
  var configurationVector: UInt16 = 0xFFFF
  var unreadVectors: Set<Int> = []
  var generation: UInt8 = 0
  var unsteadyReadsLeft: Int
  var deviceFeatureSelect: UInt32 = 0
  var driverFeatureSelect: UInt32 = 0
  var queueSelect: UInt16 = 0

  // MARK: The network device

  var linkStatus: UInt16
  var speed: UInt32
  var duplex: UInt8
  /// What the driver has set by the control queue.
  var control = ControlState()
  var controlAnswer = ControlAnswer.honest
  /// Commands that are to be answered later.
  var unanswered: [(DeviceQueue.Chain, answer: UInt8)] = []
  var steering = Steering.byFlow
  var flows = FlowTable()

  // MARK: How the device behaves

  /// Whether frames to send are taken as soon as the driver notifies.
  var sendsAtOnce = true
  /// Whether the device looks at a ring only when it was notified.
  var looksOnlyWhenNotified = false
  /// Queues that take and give nothing.
  var stalled: Set<Int> = []
  /// In which order and how soon chains go back.
  var completion = Completion()
  /// Packets that were used and not interrupted for yet. §5.1.6.5.9.
  var coalesced: [Int: Int] = [:]

  // MARK: What tests look at

  /// The frames that the driver has sent, without their headers.
  var sent: [[UInt8]] = []
  /// The headers of them.
  var sentHeaders: [PacketHeaderFields] = []
  /// The queues of them.
  var sentQueues: [Int] = []
  /// What left the device: complete checksums, none larger than a segment.
  var wire: [[UInt8]] = []
  /// How often each queue was notified.
  var notifications: [Int: Int] = [:]
  /// How often although the device had not asked for it.
  var unneededNotifications: [Int: Int] = [:]
  /// How often the device found something by itself of which it should have
  /// been notified.
  var foundUnnotified: [Int: Int] = [:]
  /// The vectors of interrupts; `nil` for the interrupt line.
  var interrupts: [UInt16?] = []
  /// Frames that did not reach the driver, by the reason.
  var undelivered: [Undelivered: Int] = [:]
  /// The commands that came, well formed or not.
  var commands: [ControlCommand] = []

  init(_ build: Build = Build(), in machine: ModelMachine) {
    self.build = build
    permanentAddress = build.macAddress
    mtu = build.mtu
    memory = machine.memory
    queues = build.allQueueSizes.map { DeviceQueue(largestSize: $0) }
    unsteadyReadsLeft = build.unsteadyReads
    linkStatus = build.linkStatus
    speed = build.speed
    duplex = build.duplex
    super.init(
      vendor: 0x1AF4,
      device: build.isLegacy ? 0x1000 : 0x1041,
      classCode: 0x020000
    )
    control.macAddress = build.macAddress
    addFunction()
  }

  func object(_ violation: Violation) { violations.append(violation) }

  // MARK: Facts

  func has(_ feature: FeatureBit) -> Bool { accepted & feature.mask != 0 }

  var isModernDriver: Bool { has(.version1) }
  var isMSIXEnabled: Bool { build.hasMSIX && bytes[0x43] & 0x80 != 0 }
  /// Neither before DRIVER_OK nor after NEEDS_RESET or FAILED.
  var isRunning: Bool { status & 0xC4 == 0x04 && !isResetting }
  /// Whether the interrupt line is pulled.
  var isLinePulled: Bool { interruptStatus != 0 && !isMSIXEnabled }

  /// §5.1.6, §5.1.6.1: 20 bytes with a hash, 12 without, 10 for a legacy
  /// driver without merged buffers.
  var headerSize: Int {
    if has(.hashReport) { return 20 }
    return isModernDriver || has(.mrgRxbuf) ? 12 : 10
  }

  /// §5.1.2: the pairs that there are for this driver.
  var pairs: Int { has(.mq) || has(.rss) ? build.pairs : 1 }

  /// §5.1.2: behind the last pair.
  var controlIndex: Int? { has(.ctrlVQ) ? 2 * pairs : nil }

  func isReceive(_ queue: Int) -> Bool {
    queue % 2 == 0 && queue != controlIndex
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
