import PCI
import PCIModel
import Testing
import Virtio

/// How a PCI device comes to interrupt: each way because the one before was
/// refused. VIRTIO 1.2 §4.1.5.1.2.
@Suite struct InterruptStepTests {
  typealias Build = NetworkDeviceModel.Build

  /// A device whose table has `tableSize` entries and which has `vectors` to
  /// give; line 11, unless it has none.
  private func rig(
    _ tableSize: Int,
    vectors: UInt16,
    line: UInt8 = 11,
    pin: UInt8 = 1
  ) -> Rig {
    var build = Build()
    build.vectors = vectors
    build.hasMSIX = tableSize > 0
    let rig = Rig(.modernMessages, build)
    if tableSize > 0 {
      // The table's size, less one, is the low byte of message control.
      rig.model.bytes[0x42] = UInt8(tableSize - 1)
    }
    rig.model.bytes[0x3C] = line
    rig.model.bytes[0x3D] = pin
    return rig
  }

  typealias Steps = InterruptSteps<ModelHost>

  /// What the kernel does: tries one way after the other.
  private func start(_ rig: Rig) throws -> (Steps.Step?, tried: Int) {
    let entry = rig.entry
    let host = rig.machine.host
    AddressAssignment([entry.function], host).enable(entry.function, host)
    var steps = InterruptSteps(host, entry, queueCount: 2)
    var tried = 0
    while let step = steps.nextStep({ (0xFEE0_0000, 0x40 + UInt32($0)) }) {
      tried += 1
      var vectors: InterruptVectors?
      if case .messages(let given, _) = step { vectors = given }
      do throws(VirtioError) {
        let device = try Rig.Device.start(
          try DeviceTransport(host, entry, hasVectors: vectors != nil),
          NetworkSettings(
            receiveMemory: 1 << 16,
            randomBits: 1,
            vectors: vectors
          )
        )
        try device.stop()
        return (step, tried)
      } catch {
        guard error == .noVector else { throw error }
      }
    }
    return (nil, tried)
  }

  private static let perQueue = Steps.Step.messages(
    .perQueue(configuration: 0, first: 1),
    count: 3
  )
  private static let shared = Steps.Step.messages(
    .shared(configuration: 0, queues: 1),
    count: 2
  )

  /// QEMU's `vectors=0` to `3`, and more than are wanted.
  @Test(
    arguments: [
      (0, .line(11), 1), (1, .line(11), 1), (2, shared, 1), (3, perQueue, 1),
    ] as [(Int, Steps.Step, Int)]
  )
  func tableTooSmall_isNotTried(
    _ size: Int,
    _ step: Steps.Step,
    _ tried: Int
  ) throws {
    let rig = rig(size, vectors: 3)
    let result = try start(rig)
    #expect(result.0 == step)
    #expect(result.tried == tried)
    #expect(rig.model.violations == [])
    #expect(rig.machine.violations == [])
  }

  /// The table is large enough, but the device has fewer to give: it says so
  /// by reading back 0xFFFF.
  @Test(
    arguments: [
      (3, perQueue, 1), (2, shared, 2), (1, .line(11), 3), (0, .line(11), 3),
    ] as [(UInt16, Steps.Step, Int)]
  )
  func refusedVectors_leadToTheNextWay(
    _ vectors: UInt16,
    _ step: Steps.Step,
    _ tried: Int
  ) throws {
    let rig = rig(3, vectors: vectors)
    let result = try start(rig)
    #expect(result.0 == step)
    #expect(result.tried == tried)
    #expect(rig.model.violations == [])
  }

  /// With the line MSI-X is off and the line is not held back.
  @Test func line_isWithoutMessages() throws {
    let rig = rig(3, vectors: 0)
    #expect(try start(rig).0 == .line(11))
    #expect(rig.model.bytes[0x43] & 0x80 == 0)
    #expect(rig.model.command & 1 << 10 == 0)
  }

  @Test(arguments: [(255, 1), (11, 0)] as [(UInt8, UInt8)])
  func noLine_noWay(_ line: UInt8, _ pin: UInt8) throws {
    let result = try start(rig(3, vectors: 0, line: line, pin: pin))
    #expect(result.0 == nil)
    #expect(result.tried == 2)
  }
}
