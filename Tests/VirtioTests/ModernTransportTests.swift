import PCI
import PCIModel
import Testing

@testable import Virtio

/// The registers of a modern device, wherever its capabilities say, and what
/// they do. VIRTIO 1.2 §4.1.4.
@Suite struct ModernTransportTests {
  /// A device whose registers keep what is written to them, but for the end of
  /// a queue's reset.
  final class Registers: ModelFunction {
    /// Reads of queue_reset until it is over; `nil`: never.
    var resetReads: Int? = 2
    private var readsLeft = 0
    /// Whether queue_enable reads 0 after the reset.
    var disables = true
    /// What was written to doorbells: base address register, offset, width,
    /// value.
    var doorbells: [ModelFunction.Write] = []

    override func read(_ baseAddress: Int, _ offset: Int, width: Int) -> UInt32
    {
      if baseAddress == 4, offset == 58, readsLeft > 0 {
        readsLeft -= 1
        if readsLeft == 0 {
          storage[4]![58] = 0
          if disables { storage[4]![28] = 0 }
        }
        return 1
      }
      return super.read(baseAddress, offset, width: width)
    }

    override func write(_ write: ModelFunction.Write) {
      if write.baseAddress == 4, write.offset == 58, let resetReads {
        readsLeft = resetReads
      }
      if write.baseAddress != 4 || write.offset >= 0x3000 {
        doorbells.append(write)
      }
      super.write(write)
    }
  }

  private let machine = ModelMachine()
  private let registers = Registers(vendor: 0x1AF4, device: 0x1041)

  /// Builds the device's capabilities and its transport.
  ///
  /// - Parameters:
  ///   - address: Where base address register 4 is, of 64 bits.
  ///   - commonLength: Of the common structure.
  ///   - notifications: Base address register, offset, length, multiplier.
  private func build(
    at address: UInt64 = 0xFE00_0000,
    commonOffset: UInt32 = 0,
    commonLength: UInt32 = 60,
    notifications: (UInt8, UInt32, UInt32, UInt32) = (4, 0x3000, 0x1000, 4)
  ) throws -> ModernTransport<ModelHost> {
    registers.add(
      4,
      .init(.memory64, size: 0x4000, isPrefetchable: true),
      at: address
    )
    registers.add(2, .init(.io, size: 16), at: 0xC100)
    add(at: 0x40, kind: 1, 4, commonOffset, commonLength)
    add(at: 0x50, kind: 3, 4, 0x1000, 1)
    add(at: 0x60, kind: 4, 4, 0x2000, 64)
    add(
      at: 0x70,
      kind: 2,
      notifications.0,
      notifications.1,
      notifications.2,
      multiplier: notifications.3
    )
    machine.root.add(registers, 3)
    // As after a reset: two queues of 256, the first at doorbell 3.
    registers.storage[4]!.replaceSubrange(18..<20, with: [2, 0])
    registers.storage[4]!.replaceSubrange(24..<26, with: [0, 1])
    registers.storage[4]![30] = 3
    let functions = enumerate(machine.host)
    let assignment = AddressAssignment(functions, machine.host)
    assignment.enable(functions[0], machine.host)
    return try ModernTransport(machine.host, assignment.entries[0])
  }

  private func add(
    at place: Int,
    kind: UInt8,
    _ register: UInt8,
    _ offset: UInt32,
    _ length: UInt32,
    multiplier: UInt32? = nil
  ) {
    let size: UInt8 = multiplier == nil ? 16 : 20
    registers.addCapability(9, at: place, [size, kind, register, 0, 0, 0])
    registers.set32(place + 8, offset)
    registers.set32(place + 12, length)
    if let multiplier { registers.set32(place + 16, multiplier) }
  }

  private let rings = RingAddresses(
    size: 64,
    descriptors: 0x10_0000,
    driverArea: 0x10_1000,
    deviceArea: 0x10_2000
  )

  // MARK: Doorbells

  @Test func doorbell_inMemory_takesBothWidths() throws {
    let transport = try build()
    #expect(transport.queueCount == 2)
    let doorbell = try transport.enableQueue(0, rings, vector: nil)
    #expect(doorbell.takesData)
    transport.notify(0, doorbell, data: nil)
    transport.notify(0, doorbell, data: 0x8001_0000)
    #expect(
      registers.doorbells == [
        .init(baseAddress: 4, offset: 0x300C, width: 2, value: 0),
        .init(baseAddress: 4, offset: 0x300C, width: 4, value: 0x8001_0000),
      ]
    )
    #expect(machine.violations == [])
  }

  /// QEMU's `modern-pio-notify`: one port for all queues.
  @Test func doorbell_ofAPort() throws {
    let transport = try build(notifications: (2, 0, 4, 0))
    let doorbell = try transport.enableQueue(0, rings, vector: nil)
    #expect(doorbell.takesData)
    transport.notify(0, doorbell, data: nil)
    #expect(
      registers.doorbells
        == [.init(baseAddress: 2, offset: 0, width: 2, value: 0)]
    )
    #expect(machine.violations == [])
  }

  /// Doorbells at odd places have 16 bits and no room for data.
  @Test(arguments: [(4, 0x3000, 14, 4), (4, 0x3002, 0x100, 4), (2, 0, 2, 0)])
  func doorbell_withoutRoom_takesNoData(
    _ notifications: (UInt8, UInt32, UInt32, UInt32)
  ) throws {
    let transport = try build(notifications: notifications)
    let doorbell = try transport.enableQueue(0, rings, vector: nil)
    #expect(!doorbell.takesData)
  }

  @Test(arguments: [(4, 0x3000, 13, 4), (4, 0x3000, 0x1000, 0xFFFF_FFFE)])
  func doorbell_behindTheEnd_isRefused(
    _ notifications: (UInt8, UInt32, UInt32, UInt32)
  ) throws {
    let transport = try build(notifications: notifications)
    #expect(throws: VirtioError.badQueue) {
      try transport.enableQueue(0, rings, vector: nil)
    }
    #expect(registers.storage[4]![28] == 0, "not enabled")
  }

  @Test(arguments: [1, 2, 3])
  func misalignedCommonStructure_isNotUsed(_ offset: UInt32) {
    #expect(throws: VirtioError.unsupported) {
      try build(commonOffset: offset)
    }
    #expect(machine.violations == [])
  }

  @Test func misalignedNotifications_areNotUsed() {
    #expect(throws: VirtioError.unsupported) {
      try build(notifications: (4, 0x3001, 0x100, 4))
    }
  }

  // MARK: Above 4 GiB

  /// A host that reaches all of it leaves the register where it is; another
  /// one moves it.
  @Test(arguments: [false, true])
  func registersAbove4GiB(_ reachesAll: Bool) throws {
    machine.reachesAll = reachesAll
    let transport = try build(at: 0x4_0000_0000)
    #expect(
      registers.address(4) == (reachesAll ? 0x4_0000_0000 : 0xE000_0000)
    )
    #expect(transport.largestQueueSize(0) == 256)
    let doorbell = try transport.enableQueue(0, rings, vector: nil)
    transport.notify(0, doorbell, data: nil)
    #expect(registers.doorbells.map(\.offset) == [0x300C])
    #expect(machine.violations == [])
  }

  // MARK: A queue's reset

  @Test func queueReset_isAwaited() throws {
    let transport = try build()
    _ = try transport.enableQueue(0, rings, vector: nil)
    #expect(transport.canResetQueues)
    try transport.resetQueue(0)
    _ = try transport.enableQueue(0, rings, vector: nil)
    #expect(machine.violations == [])
  }

  @Test(arguments: [56, 59])
  func queueReset_withoutTheRegister(_ length: UInt32) throws {
    let transport = try build(commonLength: length)
    #expect(!transport.canResetQueues)
    #expect(throws: VirtioError.unsupported) { try transport.resetQueue(0) }
    #expect(registers.storage[4]![58] == 0, "nothing is written")
  }

  @Test func queueResetWithoutEnd_isGivenUp() throws {
    registers.resetReads = nil
    let transport = try build()
    #expect(throws: VirtioError.resetFailed) { try transport.resetQueue(0) }
  }

  @Test func queueResetThatChangesNothing_isFoundOut() throws {
    registers.disables = false
    let transport = try build()
    _ = try transport.enableQueue(0, rings, vector: nil)
    #expect(throws: VirtioError.resetFailed) { try transport.resetQueue(0) }
  }

  // MARK: Configuration

  @Test func configuration_hasThreeWidthsAndAnEnd() throws {
    let transport = try build()
    registers.storage[4]!.replaceSubrange(
      0x2000..<0x2040,
      with: (0..<64).map { UInt8($0) + 1 }
    )
    #expect(transport.configurationSize == 64)
    #expect(transport.configuration32(60) == 0x403F_3E3D)
    for offset in [-1, 61, 64, Int.max] {
      #expect(transport.configuration32(offset) == 0)
    }
    transport.writeConfiguration8(3, 0xAB)
    transport.writeConfiguration8(64, 0xAB)
    #expect(transport.configuration8(3) == 0xAB)
    #expect(registers.storage[4]![0x2040] == 0)
    #expect(machine.violations == [])
  }
}
