import Apus
import BasicContainers
import Net
import PCI
import Packets
import Virtio

/// Where Virtio meets Net: the network device that was found, how it
/// interrupts, and the way of frames between it and the host.
struct NetworkInterface: ~Copyable {
  typealias Device = NetworkDevice<DeviceTransport<Machine>>

  private enum Interrupt {
    /// By message, one vector a queue and one for the configuration.
    case messages
    /// By the line of the 8259s with this number.
    case line(UInt8)
  }

  private var device: Device
  private let interrupt: Interrupt
  /// Whether the device can still be driven.
  private var isRunning = true

  /// How many frames are taken from the device before the app gets its turn: a
  /// flood of them must not starve it.
  private static var mostFramesAtOnce: Int { 256 }
  /// How often a device is started again: one that needs it more often has
  /// nothing but that to do.
  private static var mostRestarts: UInt64 { 64 }

  // MARK: Starting

  /// Starts the first network device that can be driven; says on the console
  /// which, or why not.
  static func start(
    _ assignment: AddressAssignment,
    pool: PacketPool
  ) -> NetworkInterface? {
    for entry in assignment.entries where isNetworkDevice(entry.function) {
      let name = describe(entry.function.address)
      do throws(VirtioError) {
        return try start(entry, assignment, pool)
      } catch {
        Console.print("net: \(name) cannot be driven: \(describe(error))")
      }
    }
    return nil
  }

  /// VIRTIO 1.2 §4.1.2: vendor 0x1AF4; a network device's id is 0x1041, or
  /// 0x1000 when it is transitional or legacy.
  private static func isNetworkDevice(_ function: PCIFunction) -> Bool {
    function.vendor == 0x1AF4
      && (function.device == 0x1041 || function.device == 0x1000)
  }

  private init(_ device: consuming Device, _ interrupt: Interrupt) {
    self.device = device
    self.interrupt = interrupt
  }

  private static func start(
    _ entry: AddressAssignment.Entry,
    _ assignment: AddressAssignment,
    _ pool: PacketPool
  ) throws(VirtioError) -> NetworkInterface {
    let machine = Machine()
    assignment.enable(entry.function, machine)
    if let msix = MSIX(machine, entry), msix.vectorCount >= 3 {
      do throws(VirtioError) {
        return try startWithMessages(msix, entry, pool)
      } catch {
        guard error == .noVector else { throw error }
        // It has the table, but no vectors for it: by its line, then.
        msix.disable()
      }
    }
    // The firmware has routed the line, or not.
    let line = entry.function.interruptLine
    guard line < 16, line != 2 else { throw VirtioError.noVector }
    let device = try Device.start(
      DeviceTransport(machine, entry, hasVectors: false),
      pool: pool,
      randomBits: RandomSource.next(),
      vectors: nil
    )
    LegacyInterruptController.unmask(line)
    return NetworkInterface(device, .line(line))
  }

  private static func startWithMessages(
    _ msix: MSIX<Machine>,
    _ entry: AddressAssignment.Entry,
    _ pool: PacketPool
  ) throws(VirtioError) -> NetworkInterface {
    msix.enable()
    for vector in 0..<3 {
      msix.setVector(
        vector,
        address: UInt64(LocalAPIC.messageAddress),
        data: UInt32(Vector.firstMessage) + UInt32(vector)
      )
    }
    let device = try Device.start(
      DeviceTransport(Machine(), entry, hasVectors: true),
      pool: pool,
      randomBits: RandomSource.next(),
      vectors: .perQueue(configuration: 0, first: 1)
    )
    return NetworkInterface(device, .messages)
  }

  /// The interface's address.
  var macAddress: MACAddress { MACAddress(bits: device.macAddressBits) }

  /// The largest IP packet that the device passes on.
  var mtu: Int { min(device.mtu ?? 1500, 1500) }

  /// What the device counts.
  var counters: NetworkCounters { device.counters }

  /// What there is to say of it.
  var information: InterfaceInformation {
    InterfaceInformation(
      driver: device.transport.isLegacy
        ? "virtio-net, legacy PCI" : "virtio-net, modern PCI",
      interrupts: interruptName,
      features: device.features.names,
      macAddress: macAddress
    )
  }

  private var interruptName: String {
    switch interrupt {
    case .messages: "MSI-X"
    case .line(let line): "INTx, line \(line)"
    }
  }

  // MARK: The way of frames

  /// Takes what the device has, up to a bound, and gives the host its turn.
  mutating func receive(into host: Host, at now: Instant) {
    for _ in 0..<Self.mostFramesAtOnce {
      guard let frame = device.receive() else { break }
      host.receive(frame, at: now)
    }
    if device.isBroken { recover(host, at: now) }
  }

  /// Gives the device what the host has to send, as far as there is room, and
  /// new packets to receive into.
  mutating func transmit(from host: Host, at now: Instant) {
    device.reclaim()
    while device.canTransmit(), let frame = host.transmit(at: now) {
      device.transmit(frame)
    }
    device.refill()
    device.flush()
  }

  // MARK: Interrupts

  /// Lets the device interrupt.
  ///
  /// - Returns: Whether there is work already.
  mutating func enableInterrupts() -> Bool { device.enableInterrupts() }

  /// Answers what interrupted, and asks the device to be quiet again.
  mutating func disableInterrupts(_ host: Host, at now: Instant) {
    device.disableInterrupts()
    var reasons: InterruptReasons = []
    switch interrupt {
    case .messages:
      // §4.1.5.1.2: each reason has a vector of its own, so none is asked for.
      if Interrupts.take(Self.configurationVector) {
        reasons.insert(.configuration)
      }
      for queue in UInt8(1)...2
      where Interrupts.take(Self.configurationVector + queue) {
        reasons.insert(.queue)
      }
      if !reasons.isEmpty { device.noteInterrupt() }
    case .line(let line):
      // Another device may share the line; reading takes it back if it is ours.
      if Interrupts.take(Vector.legacy + line) {
        reasons = device.acknowledgeInterrupt()
      }
    }
    guard reasons.contains(.configuration) else { return }
    if device.needsReset { recover(host, at: now) }
    host.setLink(up: isLinkUp, at: now)
  }

  /// Starts the device again, because it asked for that or its rings are not
  /// what they should be. VIRTIO 1.2 §2.1.2. What it held is sent again by
  /// those who miss it.
  private mutating func recover(_ host: Host, at now: Instant) {
    guard isRunning else { return }
    if device.counters.restarts >= Self.mostRestarts {
      giveUp("it needed too many resets")
    } else {
      do throws(VirtioError) {
        try device.restart()
        Console.print("net: the device was reset and started again")
      } catch {
        giveUp(Self.describe(error))
      }
    }
    host.setLink(up: isLinkUp, at: now)
  }

  private mutating func giveUp(_ reason: StaticString) {
    isRunning = false
    Console.write("net: the device is given up: ")
    Console.print(reason)
  }

  /// Whether frames can come and go.
  var isLinkUp: Bool { isRunning && device.isLinkUp }

  private static var configurationVector: UInt8 { Vector.firstMessage }

  // MARK: Words

  private static func describe(_ address: FunctionAddress) -> String {
    "PCI function \(address.bus):\(address.device).\(address.function)"
  }

  private static func describe(_ error: VirtioError) -> StaticString {
    switch error {
    case .unsupported: "a register that it must have is missing"
    case .resetFailed: "it does not come out of its reset"
    case .featuresRefused: "it refuses the features that the driver chose"
    case .badQueue: "a queue is missing or of an impossible size"
    case .noVector: "it can interrupt neither by MSI-X nor by a line"
    }
  }
}
