import Testing
import Virtio

/// A device and what it is made to do, all of it from one seed.
struct PropertyCase: Sendable {
  typealias Build = NetworkDeviceModel.Build

  let seed: UInt64
  var numbers: SeededNumbers
  let way: Rig.Way
  var build = Build()
  var receiveMemory = 0
  var without: Features = []
  var completion = Completion()
  var sendsAtOnce = true
  var looksOnlyWhenNotified = false
  var notifyAfter = 0
  var steps = 0

  /// What a device may offer of what this driver knows, and a little more.
  /// Several pairs of queues and virtual LANs are left out here: frames would
  /// not come in the order in which they are sent.
  static let features: [FeatureBit] = [
    .csum, .guestCsum, .mtu, .mac, .guestTSO4, .guestTSO6, .guestECN,
    .guestUFO, .hostTSO4, .hostTSO6, .hostECN, .hostUFO, .mrgRxbuf, .status,
    .anyLayout, .indirectDesc, .eventIdx, .ringPacked, .inOrder,
    .notificationData, .guestUSO4, .guestUSO6, .hostUSO, .guestHdrlen,
    .standby, .speedDuplex, .ctrlVQ, .ctrlRX, .ctrlRXExtra, .ctrlMACAddr,
    .ctrlGuestOffloads, .guestAnnounce, .notfCoal,
  ]

  /// The case of `seed`, driven another way than by chance if that is given.
  init(seed: UInt64, way: Rig.Way? = nil) {
    self.seed = seed
    var numbers = SeededNumbers(state: seed)
    self.way =
      way ?? Rig.Way.allCases.randomElement(using: &numbers) ?? .modernLine
    // Few, half or most of them: what one needs is often not there.
    let percent = [15, 50, 90, 100].randomElement(using: &numbers) ?? 50
    build.offered = FeatureBit.version1.mask
    for feature in Self.features
    where Int.random(in: 0..<100, using: &numbers) < percent {
      build.offered |= feature.mask
    }
    for feature in Self.features
    where Int.random(in: 0..<100, using: &numbers) < 5 {
      without.insert(Features(rawValue: feature.mask))
    }
    let isPacked =
      !self.way.isLegacy && build.offers(.ringPacked)
      && !without.contains(.ringPacked)
    build.queueSizes = (0..<2).map { _ in
      isPacked
        ? UInt16.random(in: 2...40, using: &numbers)
        : 1 << UInt16.random(in: 1...6, using: &numbers)
    }
    build.mtu =
      [68, 576, 1280, 1500, 4000, 9000].randomElement(using: &numbers) ?? 1500
    build.macAddress = PropertyRun.destination
    build.resetReads = Int.random(in: 0...3, using: &numbers)
    receiveMemory =
      [24 << 10, 128 << 10, 400 << 10, 2 << 20, 4 << 20]
      .randomElement(using: &numbers) ?? 1 << 20
    if Bool.random(using: &numbers) { completion = .random(seed) }
    completion.usesBatches = Bool.random(using: &numbers)
    sendsAtOnce = Bool.random(using: &numbers)
    looksOnlyWhenNotified = Bool.random(using: &numbers)
    notifyAfter =
      Bool.random(using: &numbers) ? Int.random(in: 0...3, using: &numbers) : 0
    steps = Int.random(in: 40...120, using: &numbers)
    self.numbers = numbers
  }
}
