import PCI
import Virtio

/// The ways to start a device, best first, of any kind: what is left to its
/// driver is to try them until one is not refused for want of a vector.
///
///     var start = try DeviceStart(device, devices.assignment, queueCount: 2)
///     while let attempt = start.next() {
///       // Start the driver on attempt.transport with attempt.vectors.
///       // When that throws `noVector`, go on; otherwise
///       attempt.interrupt.begin()
///     }
struct DeviceStart {
  /// One way to start the device.
  struct Attempt {
    let transport: DeviceTransport<Machine>
    /// For the driver; `nil` when the device pulls its line.
    let vectors: InterruptVectors?
    let interrupt: DeviceInterrupt
  }

  private enum Ways {
    case function(
      AddressAssignment.Entry,
      InterruptSteps<Machine>,
      firstVector: UInt8?
    )
    case memory(MMIODevice, MMIOPlace)
    case none
  }

  private var ways: Ways
  private let name: String
  private let queueCount: Int

  /// Prepares `device` to be started.
  ///
  /// - Parameter queueCount: How many of its queues interrupt.
  /// - Throws: `unsupported` when its registers cannot be reached.
  init(
    _ device: FoundDevice,
    _ assignment: AddressAssignment,
    queueCount: Int
  ) throws(VirtioError) {
    name = device.name
    self.queueCount = queueCount
    switch device.place {
    case .memory(let device, let place): ways = .memory(device, place)
    case .function(let entry):
      try Self.mapRegisters(entry, name)
      assignment.enable(entry.function, Machine())
      let steps = InterruptSteps(Machine(), entry, queueCount: queueCount)
      ways = .function(
        entry,
        steps,
        firstVector: Interrupts.takeMessages(queueCount + 1)
      )
      if 1...queueCount ~= steps.vectorCount {
        Console.print(
          "virtio: \(name) has \(steps.vectorCount) of \(queueCount + 1)"
            + " MSI-X vectors"
        )
      }
    }
  }

  /// Maps the registers of `entry` that are above 4 GiB, and says where they
  /// are.
  static func mapRegisters(
    _ entry: AddressAssignment.Entry,
    _ name: String
  ) throws(VirtioError) {
    for register in entry.registers where register.space == .memory {
      guard let range = register.range, range.upperBound > 1 << 32 else {
        continue
      }
      guard Memory.mapDevice(range) else { throw VirtioError.unsupported }
      Console.print(
        "virtio: \(name) has registers at"
          + " 0x\(String(range.lowerBound, radix: 16))"
      )
    }
  }

  /// The next way; `nil` when there is none left.
  ///
  /// - Throws: `unsupported` when the device lacks what all ways need.
  mutating func next() throws(VirtioError) -> Attempt? {
    switch ways {
    case .none: return nil
    case .memory(let device, let place):
      ways = .none
      guard
        let route = InterruptLines.route(place.interrupt, place.signal),
        let interrupt = DeviceInterrupt(route)
      else { return nil }
      return Attempt(
        transport: DeviceTransport(Machine(), device),
        vectors: nil,
        interrupt: interrupt
      )
    case .function(let entry, var steps, let firstVector):
      defer { ways = .function(entry, steps, firstVector: firstVector) }
      return try next(entry, &steps, firstVector)
    }
  }

  private func next(
    _ entry: AddressAssignment.Entry,
    _ steps: inout InterruptSteps<Machine>,
    _ firstVector: UInt8?
  ) throws(VirtioError) -> Attempt? {
    if firstVector == nil {
      Console.print("virtio: \(name) gets no MSI-X vectors: all are taken")
      steps.skipMessages()
    }
    let address = UInt64(LocalAPIC.messageAddress)
    while let step = steps.nextStep({
      (address, UInt32(firstVector ?? 0) + UInt32($0))
    }) {
      switch step {
      case .messages(let vectors, let count):
        guard let firstVector else { continue }
        return Attempt(
          transport: try DeviceTransport(Machine(), entry, hasVectors: true),
          vectors: vectors,
          interrupt: DeviceInterrupt(
            messagesFrom: firstVector,
            count: UInt8(count)
          )
        )
      case .line(let line):
        guard let route = InterruptLines.routeOfPCI(line: line),
          let interrupt = DeviceInterrupt(route)
        else { return nil }
        return Attempt(
          transport: try DeviceTransport(Machine(), entry, hasVectors: false),
          vectors: nil,
          interrupt: interrupt
        )
      }
    }
    return nil
  }

  /// Says that the device has no vector for the way that was tried.
  func noteRefusal(of attempt: Attempt) {
    Console.print("virtio: \(name) refuses \(attempt.interrupt.name)")
  }
}

extension FoundDevice {
  /// The way to a device that is looked at and need not interrupt, nor pull a
  /// line that another may share.
  ///
  /// - Throws: `unsupported` when its registers cannot be reached.
  func transportWithoutInterrupts(
    _ devices: VirtioDevices
  ) throws(VirtioError) -> DeviceTransport<Machine> {
    switch place {
    case .memory(let device, _): return DeviceTransport(Machine(), device)
    case .function(let entry):
      try DeviceStart.mapRegisters(entry, name)
      devices.assignment.enable(entry.function, Machine())
      let space = ConfigurationSpace(
        host: Machine(),
        address: entry.function.address
      )
      space.command = space.command.union(.interruptDisable)
      return try DeviceTransport(Machine(), entry, hasVectors: false)
    }
  }
}
