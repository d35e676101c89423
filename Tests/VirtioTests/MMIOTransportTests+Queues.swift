import PCI
import Packets
import Testing

@testable import Virtio

/// Queues of memory-mapped devices, and their resets. VIRTIO 1.2 §4.2.2, §4.2.3.
extension MMIOTransportTests {
  @Test func queue_version2() throws {
    let registers = MMIORegisters(version: 2)
    let transport = try transport(registers)
    try transport.reset()
    #expect(transport.largestQueueSize(1) == 256)
    #expect(transport.largestQueueSize(2) == 0)
    #expect(transport.queueCount == nil)
    let doorbell = try transport.enableQueue(1, rings(), vector: nil)
    #expect(registers.queues[0] == .init())
    #expect(registers.queues[1].size == 128)
    #expect(registers.queues[1].isReady)
    #expect(
      registers.queues[1].addresses == [
        0x080: 0x0030_0000, 0x084: 1, 0x090: 0x0030_1000, 0x094: 2,
        0x0A0: 0x0030_2000, 0x0A4: 3,
      ]
    )
    #expect(doorbell.takesData)
    transport.notify(1, doorbell, data: nil)
    transport.notify(1, doorbell, data: 0x8005_0001)
    #expect(registers.notifications == [1, 0x8005_0001])
    #expect(registers.violations == [])
  }

  @Test func queue_version1() throws {
    let registers = MMIORegisters(version: 1)
    let transport = try transport(registers)
    try transport.reset()
    transport.accept([])
    let doorbell = try transport.enableQueue(0, rings(), vector: nil)
    #expect(registers.queues[0].size == 128)
    #expect(registers.queues[0].align == 4096)
    #expect(registers.queues[0].pageNumber == 0x10_0300)
    #expect(!doorbell.takesData)
    transport.notify(0, doorbell, data: nil)
    #expect(registers.notifications == [0])
    #expect(registers.violations == [])
  }

  @Test(arguments: [1, 2])
  func queueInUse_orTooLarge_isRefused(_ version: UInt32) throws {
    let registers = MMIORegisters(version: version)
    let transport = try transport(registers)
    try transport.reset()
    transport.accept([])
    _ = try transport.enableQueue(0, rings(), vector: nil)
    #expect(throws: VirtioError.badQueue) {
      try transport.enableQueue(0, rings(), vector: nil)
    }
    #expect(throws: VirtioError.badQueue) {
      try transport.enableQueue(1, rings(512), vector: nil)
    }
    #expect(throws: VirtioError.badQueue) {
      try transport.enableQueue(2, rings(), vector: nil)
    }
    #expect(registers.violations == [])
  }

  /// The page number has 32 bits and is not 0; the page is a whole one.
  @Test(arguments: [0, 0x1001, 1 << 44])
  func pageThatHasNoNumber_isRefused(_ address: UInt64) throws {
    let registers = MMIORegisters(version: 1)
    let transport = try transport(registers)
    try transport.reset()
    transport.accept([])
    #expect(throws: VirtioError.badQueue) {
      try transport.enableQueue(
        0,
        RingAddresses(
          size: 128,
          descriptors: address,
          driverArea: 0,
          deviceArea: 0
        ),
        vector: nil
      )
    }
    #expect(registers.queues[0] == .init())
  }

  @Test func largestSize_ofMoreBitsThanAQueueHas() throws {
    let registers = MMIORegisters(version: 2)
    registers.largestSize = 0x10000
    #expect(try transport(registers).largestQueueSize(0) == 0xFFFF)
  }

  @Test(arguments: [1, 2])
  func vectors_areRefused(_ version: UInt32) throws {
    let transport = try transport(MMIORegisters(version: version))
    #expect(throws: VirtioError.noVector) {
      try transport.enableQueue(0, rings(), vector: 0)
    }
    #expect(throws: VirtioError.noVector) {
      try transport.setConfigurationVector(0)
    }
  }

  // MARK: A queue's reset

  @Test func queueReset_isAwaited_andTheQueueUsedAgain() throws {
    let registers = MMIORegisters(version: 2)
    let transport = try transport(registers)
    try transport.reset()
    _ = try transport.enableQueue(0, rings(), vector: nil)
    #expect(transport.canResetQueues)
    try transport.resetQueue(0)
    #expect(registers.queues[0] == .init())
    _ = try transport.enableQueue(0, rings(64), vector: nil)
    #expect(registers.queues[0].size == 64)
    #expect(registers.violations == [])
  }

  /// QEMU 7.2 offers the feature and has no such register; others never end.
  @Test(arguments: [nil, Int.max])
  func queueResetThatDoesNotCome_isGivenUp(_ reads: Int?) throws {
    let registers = MMIORegisters(version: 2)
    registers.queueResetReads = reads
    let transport = try transport(registers)
    try transport.reset()
    _ = try transport.enableQueue(0, rings(), vector: nil)
    let before = registers.accesses.count
    #expect(throws: VirtioError.resetFailed) { try transport.resetQueue(0) }
    // At once, where it is clear that nothing will come.
    #expect(reads != nil || registers.accesses.count - before < 8)
  }

  @Test func queueReset_version1HasNone() throws {
    let transport = try transport(MMIORegisters(version: 1))
    #expect(!transport.canResetQueues)
    #expect(throws: VirtioError.unsupported) { try transport.resetQueue(0) }
  }
}
