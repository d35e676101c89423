import PCI
import PCIModel
import Packets
import Testing
import Virtio

/// The model bites: each test breaks the driver on purpose, by changing what it
/// writes on its way to the device or in the rings, and expects the model to
/// object to just that.
@Suite struct ObjectionTests {
  typealias Write = ModelFunction.Write
  typealias Build = NetworkDeviceModel.Build

  // MARK: Writes to registers

  struct Sabotage: Sendable, CustomTestStringConvertible {
    var name: String
    var way: Rig.Way
    var expected: Violation
    /// What becomes of a write.
    var tamper: @Sendable (Write) -> [Write]

    var testDescription: String { name }

    init(
      _ name: String,
      _ way: Rig.Way,
      _ expected: Violation,
      _ tamper: @escaping @Sendable (Write) -> [Write]
    ) {
      self.name = name
      self.way = way
      self.expected = expected
      self.tamper = tamper
    }
  }

  static func status(_ register: Write) -> UInt32? {
    let isStatus =
      register.baseAddress == 0 && register.offset == 18
      || register.baseAddress == 4 && register.offset == 20
    return isStatus ? register.value : nil
  }

  static func common(_ offset: Int, _ value: UInt32, width: Int = 2) -> Write {
    Write(baseAddress: 4, offset: offset, width: width, value: value)
  }

  static func legacy(_ offset: Int, _ value: UInt32, width: Int = 2) -> Write {
    Write(baseAddress: 0, offset: offset, width: width, value: value)
  }

  static let sabotages: [Sabotage] = [
    Sabotage("reset again, not awaited", .modernLine, .resetNotAwaited) {
      status($0) == 1 ? [common(20, 0, width: 1), $0] : [$0]
    },
    Sabotage("no ACKNOWLEDGE", .modernLine, .statusOutOfOrder) {
      status($0) == 1 ? [] : status($0) == 3 ? [common(20, 2, width: 1)] : [$0]
    },
    Sabotage("no DRIVER", .modernLine, .statusOutOfOrder) {
      status($0) == 3 ? [] : [$0]
    },
    Sabotage("no DRIVER", .legacyLine, .statusOutOfOrder) {
      status($0) == 3 ? [] : [$0]
    },
    Sabotage("bits cleared on the way", .modernLine, .statusBitCleared) {
      status($0) == 0x0F ? [common(20, 0x0D, width: 1)] : [$0]
    },
    Sabotage("bits cleared on the way", .legacyLine, .statusBitCleared) {
      status($0) == 0x07 ? [legacy(18, 0x04, width: 1)] : [$0]
    },
    Sabotage("goes on after FAILED", .modernLine, .usedAfterFailed) {
      status($0) == 0x0F ? [common(20, 0x8B, width: 1), $0] : [$0]
    },
    Sabotage("EVENT_IDX not offered", .modernLine, .featureNotOffered) {
      $0.baseAddress == 4 && $0.offset == 12
        ? [common(12, $0.value | 1 << 30, width: 4)] : [$0]
    },
    Sabotage("all features accepted", .legacyLine, .featureNotOffered) {
      $0.baseAddress == 0 && $0.offset == 4 ? [legacy(4, .max, width: 4)] : [$0]
    },
    Sabotage("MQ without CTRL_VQ", .legacyLine, .featureDependency) {
      $0.baseAddress == 0 && $0.offset == 4
        ? [legacy(4, $0.value | 1 << 22, width: 4)] : [$0]
    },
    Sabotage("features after DRIVER_OK", .modernLine, .featuresAfterAgreement) {
      status($0) == 0x0F ? [$0, common(12, 0, width: 4)] : [$0]
    },
    Sabotage("queue before the features", .modernLine, .queueOutOfOrder) {
      status($0) == 0x0B ? [common(22, 0), common(24, 128), $0] : [$0]
    },
    Sabotage("queue after DRIVER_OK", .modernLine, .queueOutOfOrder) {
      status($0) == 0x0F ? [$0, common(22, 0), common(24, 128)] : [$0]
    },
    Sabotage("queue after DRIVER_OK", .legacyLine, .queueOutOfOrder) {
      status($0) == 0x07 ? [$0, legacy(14, 0), legacy(8, 1, width: 4)] : [$0]
    },
    Sabotage("enabled queue moved", .modernLine, .queueChangedWhileEnabled) {
      $0 == common(28, 1) ? [$0, common(32, 0, width: 4)] : [$0]
    },
    Sabotage("size no power of two", .modernLine, .badQueueSize) {
      $0 == common(24, 256) ? [common(24, 200)] : [$0]
    },
    Sabotage("size too large", .modernLine, .badQueueSize) {
      $0 == common(24, 256) ? [common(24, 512)] : [$0]
    },
    Sabotage("table not aligned", .modernLine, .misalignedQueue) {
      $0.baseAddress == 4 && $0.offset == 32
        ? [common(32, $0.value | 8, width: 4)] : [$0]
    },
    Sabotage("ring where there is no memory", .modernLine, .queueNotInMemory) {
      $0.baseAddress == 4 && $0.offset == 52
        ? [common(52, 0x7777, width: 4)] : [$0]
    },
    Sabotage("page where there is no memory", .legacyLine, .queueNotInMemory) {
      $0.baseAddress == 0 && $0.offset == 8 ? [legacy(8, 1, width: 4)] : [$0]
    },
    Sabotage("no such queue", .modernLine, .noSuchQueue) {
      $0 == common(28, 1) ? [common(22, 7), $0] : [$0]
    },
    Sabotage("queue not enabled", .modernLine, .queueMissing) {
      $0 == common(28, 1) ? [] : [$0]
    },
    Sabotage("queue without a page", .legacyLine, .queueMissing) {
      $0.baseAddress == 0 && $0.offset == 8 ? [] : [$0]
    },
    Sabotage("notified before DRIVER_OK", .modernLine, .notifiedTooEarly) {
      status($0) == 0x0F
        ? [common(0x3000 + 5 * 4, 0), $0] : [$0]
    },
    Sabotage("notified before DRIVER_OK", .legacyLine, .notifiedTooEarly) {
      status($0) == 0x07 ? [legacy(16, 0), $0] : [$0]
    },
    Sabotage("doorbell by the queue's number", .modernLine, .wrongDoorbell) {
      $0.baseAddress == 4 && $0.offset >= 0x3000
        ? [common(0x3000 + 4 * Int($0.value), $0.value)] : [$0]
    },
    Sabotage("doorbell of 32 bits", .modernLine, .wrongWidth) {
      $0.baseAddress == 4 && $0.offset >= 0x3000
        ? [common($0.offset, $0.value, width: 4)] : [$0]
    },
    Sabotage("status of 32 bits", .modernLine, .wrongWidth) {
      status($0) == 3 ? [common(20, 3, width: 4)] : [$0]
    },
    Sabotage("status of 16 bits", .legacyLine, .wrongWidth) {
      status($0) == 3 ? [legacy(18, 3, width: 2)] : [$0]
    },
    Sabotage("writes what the device says", .modernLine, .notWritable) {
      $0 == common(22, 0) ? [$0, common(18, 9)] : [$0]
    },
    Sabotage("writes what the device says", .legacyLine, .notWritable) {
      $0 == legacy(14, 0) ? [$0, legacy(12, 64)] : [$0]
    },
    Sabotage("sets the address", .modernLine, .configurationWritten) {
      status($0) == 0x0F ? [common(0x2000, 2, width: 1), $0] : [$0]
    },
    Sabotage("MSI-X moved it", .legacyMessages, .configurationWritten) {
      status($0) == 0x07 ? [legacy(30, 2, width: 2), $0] : [$0]
    },
    Sabotage("address too early", .legacyLine, .configurationWritten) {
      status($0) == 0x03 ? [$0, legacy(20, 2, width: 1)] : [$0]
    },
    Sabotage("vector not in the table", .modernMessages, .vectorOutOfTable) {
      $0 == common(26, 2) ? [common(26, 3)] : [$0]
    },
    Sabotage("vectors without MSI-X", .modernLine, .vectorOutOfTable) {
      $0 == common(28, 1) ? [common(26, 1), $0] : [$0]
    },
  ]

  @Test(arguments: sabotages)
  func register_isObjectedTo(_ sabotage: Sabotage) {
    let rig = Rig(sabotage.way)
    rig.keepPool()
    rig.model.tamper = sabotage.tamper
    _ = rig.failure()
    #expect(rig.model.violations.contains(sabotage.expected))
  }

  // MARK: Reads of registers that never reach the device

  @Test(arguments: [Rig.Way.legacyLine, .modernLine])
  func noReset_isObjectedTo(_ way: Rig.Way) {
    let rig = Rig(way)
    rig.keepPool()
    var isStarted = false
    rig.model.tamper = { write in
      guard let status = Self.status(write) else { return [write] }
      isStarted = isStarted || status != 0
      return status == 0 ? [] : [write]
    }
    rig.model.tamperRead = { register, offset, _ in
      let isStatus = (register, offset) == (way.isLegacy ? (0, 18) : (4, 20))
      return isStatus && !isStarted ? 0 : nil
    }
    _ = try? rig.start()
    #expect(rig.model.violations.contains(.notReset))
  }

  @Test func noFeaturesOK_isObjectedTo() {
    let rig = Rig(.modernLine, NetworkDeviceModel.Build(isLegacy: false))
    rig.keepPool()
    rig.model.tamper = { write in
      guard let status = Self.status(write) else { return [write] }
      return status == 0x0B
        ? [] : [Self.common(20, status & ~8, width: 1)]
    }
    rig.model.tamperRead = { [model = rig.model] register, offset, _ in
      register == 4 && offset == 20 && model.status == 3 ? 0x0B : nil
    }
    _ = rig.failure()
    #expect(rig.model.violations.contains(.statusOutOfOrder))
  }

  @Test func featuresNotReadBack_isObjectedTo() {
    let rig = Rig(.modernLine)
    rig.keepPool()
    var last: UInt32 = 0
    rig.model.tamper = { write in
      if let status = Self.status(write) { last = status }
      return [write]
    }
    // The driver believes what it has written.
    rig.model.tamperRead = { register, offset, _ in
      register == 4 && offset == 20 && last == 0x0B ? last : nil
    }
    _ = rig.failure()
    #expect(rig.model.violations.contains(.featuresNotReadBack))
  }

  @Test func refusedFeaturesUsed_isObjectedTo() {
    let rig = Rig(.modernLine, Build(refusesFeatures: true))
    rig.keepPool()
    var last: UInt32 = 0
    rig.model.tamper = { write in
      if let status = Self.status(write) { last = status }
      return [write]
    }
    rig.model.tamperRead = { [model = rig.model] register, offset, _ in
      guard register == 4, offset == 20, last & 8 != 0 else { return nil }
      _ = model.readStatus()
      return last
    }
    _ = rig.failure()
    #expect(rig.model.violations.contains(.refusedFeaturesUsed))
  }

  @Test func vectorNotReadBack_isObjectedTo() {
    let rig = Rig(.modernMessages)
    rig.keepPool()
    rig.model.tamperRead = { register, offset, _ in
      register == 4 && offset == 16 ? 0 : nil
    }
    _ = rig.failure()
    #expect(rig.model.violations.contains(.vectorNotReadBack))
  }

  @Test func notABusMaster_isObjectedTo() {
    let rig = Rig(.modernLine)
    rig.keepPool()
    // The function does not let its bus master bit be set.
    rig.model.writable[4] = 0x03
    _ = rig.failure()
    #expect(rig.model.violations == [.notBusMaster])
  }

  /// A driver that sees 0 at once frees its packets while the device still has
  /// them.
  @Test(arguments: [Rig.Way.legacyLine, .modernLine])
  func memoryTakenBackDuringReset_isObjectedTo(_ way: Rig.Way) throws {
    let rig = Rig(way, Build(resetReads: 1000))
    let device = try rig.start()
    rig.model.tamperRead = { register, offset, _ in
      register == 0 && offset == 18 || register == 4 && offset == 20 ? 0 : nil
    }
    rig.model.writeStatus(0)
    try device.stop()
    _ = rig.model.readStatus()
    #expect(rig.model.violations == [.memoryTakenBack])
  }

  @Test func configurationNotOffered_isObjectedTo() {
    let rig = Rig(.modernLine, Build(offered: 1 << 32))
    _ = rig.model.configuration(0, width: 1)
    _ = rig.model.configuration(6, width: 2)
    _ = rig.model.configuration(10, width: 2)
    #expect(
      rig.model.violations == [
        .configurationNotOffered, .configurationNotOffered,
        .configurationNotOffered, .configurationNotOffered,
        .configurationNotOffered,
      ]
    )
  }
}
