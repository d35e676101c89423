import PCIModel
import Packets
import Testing
import Virtio

/// The model bites: drivers that break a rule in the rings, where nothing but
/// memory says so. VIRTIO 1.2 §2.7 and §5.1.6.
@Suite struct RingObjectionTests {
  typealias Build = NetworkDeviceModel.Build

  struct RingSabotage: Sendable, CustomTestStringConvertible {
    var name: String
    var expected: Violation
    /// Changes the transmit queue, to which the driver has just added the
    /// second of two frames.
    var change: @Sendable (DeviceQueue, ModelMemory) -> Void

    var testDescription: String { name }

    init(
      _ name: String,
      _ expected: Violation,
      _ change: @escaping @Sendable (DeviceQueue, ModelMemory) -> Void
    ) {
      self.name = name
      self.expected = expected
      self.change = change
    }
  }

  static let ringSabotages: [RingSabotage] = [
    RingSabotage("descriptor in flight", .descriptorInFlight) { queue, memory in
      let first: UInt16 = memory.load(queue.availableEntry(0))
      memory.store(first, at: queue.availableEntry(1))
    },
    RingSabotage("head out of range", .descriptorOutOfRange) { queue, memory in
      memory.store(queue.size, at: queue.availableEntry(1))
    },
    RingSabotage("next out of range", .descriptorOutOfRange) { queue, memory in
      memory.store(1 as UInt16, at: queue.descriptorAddress(1) + 12)
      memory.store(0xFFFF as UInt16, at: queue.descriptorAddress(1) + 14)
    },
    RingSabotage("chain loops", .chainLoops) { queue, memory in
      memory.store(1 as UInt16, at: queue.descriptorAddress(1) + 12)
      memory.store(1 as UInt16, at: queue.descriptorAddress(1) + 14)
    },
    RingSabotage("chain into another", .descriptorInFlight) { queue, memory in
      memory.store(1 as UInt16, at: queue.descriptorAddress(1) + 12)
      memory.store(0 as UInt16, at: queue.descriptorAddress(1) + 14)
    },
    RingSabotage("indirect", .badDescriptorFlags) { queue, memory in
      memory.store(4 as UInt16, at: queue.descriptorAddress(1) + 12)
    },
    RingSabotage("to be written", .wrongDirection) { queue, memory in
      memory.store(2 as UInt16, at: queue.descriptorAddress(1) + 12)
    },
    RingSabotage("wild address", .bufferNotInMemory) { queue, memory in
      memory.store(0x1000 as UInt64, at: queue.descriptorAddress(1))
    },
    RingSabotage("too long", .bufferNotInMemory) { queue, memory in
      memory.store(0x10_0000 as UInt32, at: queue.descriptorAddress(1) + 8)
    },
    RingSabotage("empty", .bufferNotInMemory) { queue, memory in
      memory.store(0 as UInt32, at: queue.descriptorAddress(1) + 8)
    },
    RingSabotage("index jumps", .badAvailableIndex) { queue, memory in
      memory.store(0x4000 as UInt16, at: queue.driverArea + 2)
    },
    RingSabotage("index goes back", .badAvailableIndex) { queue, memory in
      memory.store(0 as UInt16, at: queue.driverArea + 2)
    },
    RingSabotage("unknown flags", .badAvailableFlags) { queue, memory in
      memory.store(2 as UInt16, at: queue.driverArea)
    },
    RingSabotage("header not zero", .headerNotZero) { queue, memory in
      let address: UInt64 = memory.load(queue.descriptorAddress(1))
      memory.store(1 as UInt8, at: address)
    },
    RingSabotage("header alone", .frameTooShort) { queue, memory in
      memory.store(12 as UInt32, at: queue.descriptorAddress(1) + 8)
    },
  ]

  @Test(arguments: ringSabotages)
  func ring_isObjectedTo(_ sabotage: RingSabotage) throws {
    let rig = Rig(.modernLine)
    rig.without = .indirectDesc
    rig.keepPool()
    var device = try rig.start()
    rig.model.sendsAtOnce = false
    if let packet = rig.packet(frame(0)) { device.transmit(packet) }
    device.flush()
    #expect(rig.model.violations == [])
    rig.model.beforeLooking = { model in
      model.beforeLooking = nil
      sabotage.change(model.queues[1], model.memory)
    }
    if let packet = rig.packet(frame(1)) { device.transmit(packet) }
    device.flush()
    rig.model.send()
    #expect(rig.model.violations.contains(sabotage.expected))
    try device.stop()
  }

  @Test func smallReceiveBuffer_isObjectedTo() throws {
    let rig = Rig(.modernLine)
    // §5.1.6.3.1: with it a buffer may be as small as a header.
    rig.without = .mrgRxbuf
    rig.model.beforeLooking = { model in
      let table = model.queues[0].descriptorAddress(0)
      model.memory.store(1525 as UInt32, at: table + 8)
    }
    try rig.start().stop()
    #expect(rig.model.violations == [.receiveBufferTooSmall])
  }

  /// §2.7.4: one descriptor for header and frame, though ANY_LAYOUT was not
  /// agreed on.
  @Test func headerNotSeparate_isObjectedTo() throws {
    let rig = Rig(.legacyLine, Build(offered: 1 << 5, queueSizes: [256, 256]))
    var device = try rig.start()
    rig.model.beforeLooking = { model in
      let table = model.queues[1].descriptorAddress(0)
      model.memory.store(70 as UInt32, at: table + 8)
      model.memory.store(0 as UInt16, at: table + 12)
    }
    if let packet = rig.packet(frame(0)) { device.transmit(packet) }
    device.flush()
    #expect(rig.model.violations == [.headerNotSeparate])
    try device.stop()
  }
}
