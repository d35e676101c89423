import PCI
import Packets
import Testing

@testable import Virtio

/// Memory-mapped devices. VIRTIO 1.2 §4.2.
@Suite struct MMIOTransportTests {
  func transport(
    _ registers: MMIORegisters
  ) throws -> DeviceTransport<MMIOHost> {
    let found = MMIODevice.find(at: registers.addresses, registers.host)
    guard case .device(let device) = found else {
      throw VirtioError.unsupported
    }
    return DeviceTransport(registers.host, device)
  }

  /// The addresses of a queue, at 3 MiB.
  func rings(_ size: UInt16 = 128) -> RingAddresses {
    RingAddresses(
      size: size,
      descriptors: 0x1_0030_0000,
      driverArea: 0x2_0030_1000,
      deviceArea: 0x3_0030_2000
    )
  }

  // MARK: What is there

  @Test(arguments: [1, 2])
  func device_isFound(_ version: UInt32) throws {
    let registers = MMIORegisters(version: version)
    registers.deviceID = 4
    let found = MMIODevice.find(at: registers.addresses, registers.host)
    guard case .device(let device) = found else {
      Issue.record("\(found)")
      return
    }
    #expect(device.kind == 4)
    #expect(device.isLegacy == (version == 1))
    // In just that order, and nothing else. §4.2.3.1.1.
    #expect(registers.accesses == [0x000, 0x004, 0x008])
    #expect(registers.violations == [])
  }

  @Test func placeholder_isLeftAlone() {
    let registers = MMIORegisters(version: 2)
    registers.deviceID = 0
    #expect(
      MMIODevice.find(at: registers.addresses, registers.host) == .placeholder
    )
    #expect(registers.accesses == [0x000, 0x004, 0x008])
  }

  @Test(arguments: [0, 3, .max])
  func otherVersions_areNotDriven(_ version: UInt32) {
    let registers = MMIORegisters(version: version)
    #expect(
      MMIODevice.find(at: registers.addresses, registers.host)
        == .unknownVersion(version)
    )
    #expect(registers.accesses == [0x000, 0x004])
  }

  @Test(arguments: [0, 0x7472_6977, 0x7669_7274, .max])
  func otherMagic_isNothing(_ magic: UInt32) {
    let registers = MMIORegisters(version: 2)
    registers.magic = magic
    #expect(
      MMIODevice.find(at: registers.addresses, registers.host) == .nothing
    )
    #expect(registers.accesses == [0x000])
  }

  @Test func tooFewOrMisalignedAddresses_areNotTouched() {
    let registers = MMIORegisters(version: 2)
    let base = registers.base
    for range in [base..<base + 0xFF, base..<base, base + 2..<base + 0x200] {
      #expect(MMIODevice.find(at: range, registers.host) == .nothing)
    }
    #expect(registers.accesses == [])
  }

  // MARK: Features and status

  @Test func features_haveTwoWordsOrOne() throws {
    for version: UInt32 in [1, 2] {
      let registers = MMIORegisters(version: version)
      registers.offered = 0x8000_0001_C000_0003
      let transport = try transport(registers)
      try transport.reset()
      let expected: UInt64 = version == 1 ? 0xC000_0003 : 0x8000_0001_C000_0003
      #expect(transport.offeredFeatures.rawValue == expected)
      transport.accept(Features(rawValue: expected))
      #expect(registers.accepted == expected)
      #expect(registers.pageSize == (version == 1 ? 4096 : 0))
      #expect(registers.violations == [])
    }
  }

  @Test(arguments: [1, 2])
  func reset_isAwaited(_ version: UInt32) throws {
    let registers = MMIORegisters(version: version)
    let transport = try transport(registers)
    try transport.reset()
    #expect(transport.status == [])
    transport.status = [.acknowledge, .driver]
    #expect(registers.status == 3)
    registers.resetReads = nil
    #expect(throws: VirtioError.resetFailed) { try transport.reset() }
  }

  // MARK: Interrupts and configuration

  @Test func interrupts_areAcknowledged() throws {
    let registers = MMIORegisters(version: 2)
    let transport = try transport(registers)
    try transport.reset()
    // By a write, which is an exit of its own.
    #expect(transport.answersInterrupts)
    #expect(transport.acknowledgeInterrupt() == [])
    registers.interruptStatus = 3
    #expect(transport.acknowledgeInterrupt() == [.queue, .configuration])
    #expect(registers.interruptStatus == 0)
    // Bits without a meaning stay as they are. §4.2.2.2.
    registers.interruptStatus = 0xFFFF_FF02
    #expect(transport.acknowledgeInterrupt() == .configuration)
    #expect(registers.interruptStatus == 0xFFFF_FF00)
    #expect(registers.violations == [])
  }

  @Test func configuration_isReadByItsWidths() throws {
    let registers = MMIORegisters(version: 2)
    registers.configuration = Array(1...255) + [0]
    registers.generation = 0x1_0002
    let transport = try transport(registers)
    #expect(transport.configurationSize == 256)
    #expect(transport.configuration8(255) == 0)
    #expect(transport.configuration8(254) == 255)
    #expect(transport.configuration16(2) == 0x0403)
    #expect(transport.configuration32(4) == 0x0807_0605)
    for offset in [-1, 253, 254, 255, 256, Int.max] {
      #expect(transport.configuration32(offset) == 0)
    }
    for offset in [-1, 255, 256, Int.max] {
      #expect(transport.configuration16(offset) == 0)
    }
    #expect(transport.configuration8(256) == 0)
    transport.writeConfiguration8(5, 0xAB)
    transport.writeConfiguration8(256, 0xAB)
    #expect(registers.written == [5: 0xAB])
    #expect(transport.configurationGeneration == 0x1_0002)
    #expect(registers.violations == [])
  }

  @Test func generation_version1HasNone() throws {
    let registers = MMIORegisters(version: 1)
    registers.generation = 7
    #expect(try transport(registers).configurationGeneration == 0)
    #expect(registers.violations == [])
  }

  // MARK: The driver

  /// The network driver starts and stops on both versions.
  @Test(arguments: [1, 2])
  func networkDevice_starts(_ version: UInt32) throws {
    let registers = MMIORegisters(version: version)
    let device = try NetworkDevice.start(
      try transport(registers),
      NetworkSettings(
        receiveMemory: 1 << 16,
        randomBits: 1,
        vectors: nil
      )
    )
    #expect(registers.status & 4 != 0)
    #expect(device.macAddressBits == 0x5254_0001_0203)
    #expect(registers.queues.allSatisfy { $0.size == 256 })
    #expect(registers.notifications == [0])
    let pool = device.receivePool
    try device.stop()
    #expect(registers.violations == [])
    #expect(pool.available == pool.capacity)
  }
}
