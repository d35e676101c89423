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
    case function(AddressAssignment.Entry, InterruptSteps<Machine>)
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
      ways = .function(entry, steps)
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
    case .function(let entry, var steps):
      defer { ways = .function(entry, steps) }
      return try next(entry, &steps)
    }
  }

  private func next(
    _ entry: AddressAssignment.Entry,
    _ steps: inout InterruptSteps<Machine>
  ) throws(VirtioError) -> Attempt? {
    var most = queueCount + 1
    var first: UInt8?
    if steps.canBeMessages {
      first = Interrupts.takeMessages(most)
      if first == nil {
        most = 2
        first = Interrupts.takeMessages(most)
        steps.skipVectorAQueue()
      }
      if first == nil {
        Console.print("virtio: \(name) gets no MSI-X vectors: all are taken")
        steps.skipMessages()
      }
    }
    let address = UInt64(LocalAPIC.messageAddress)
    let step = steps.nextStep { (address, UInt32(first ?? 0) + UInt32($0)) }
    if let first, case .messages(let vectors, let count) = step {
      if count < most {
        Interrupts.giveBackMessages(first + UInt8(count), most - count)
      }
      return try attempt(
        entry,
        vectors,
        DeviceInterrupt(messagesFrom: first, count: UInt8(count))
      )
    }
    if let first { Interrupts.giveBackMessages(first, most) }
    guard case .line(let line) = step,
      let route = InterruptLines.routeOfPCI(line: line),
      let interrupt = DeviceInterrupt(route)
    else { return nil }
    return try attempt(entry, nil, interrupt)
  }

  private func attempt(
    _ entry: AddressAssignment.Entry,
    _ vectors: InterruptVectors?,
    _ interrupt: DeviceInterrupt
  ) throws(VirtioError) -> Attempt {
    do throws(VirtioError) {
      return Attempt(
        transport: try DeviceTransport(
          Machine(),
          entry,
          hasVectors: vectors != nil
        ),
        vectors: vectors,
        interrupt: interrupt
      )
    } catch {
      interrupt.end()
      throw error
    }
  }

  /// Notes that the driver did not start by `attempt`, because of `error`.
  ///
  /// - Throws: `error`, unless the next way may do better.
  func fail(_ attempt: Attempt, _ error: VirtioError) throws(VirtioError) {
    attempt.interrupt.end()
    guard error == .noVector else { throw error }
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
