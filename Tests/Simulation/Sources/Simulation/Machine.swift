import Net
import Packets

/// What a machine of a simulation is made with.
package struct MachineSettings: Sendable {
  package var device = DeviceSettings()
  package var tcpLimits = TCPLimits()
  /// The packets of the stack's pool.
  package var packets = 2048
  package var mtu = 1500

  package init() {}
}

/// A machine without hardware: a stack, its packets, a device, and what its apps
/// do; driven as the kernel's loop drives one.
package final class Machine {
  /// Made for a connection that was accepted.
  package typealias Service = (ConnectionID) -> Flow

  package let number: Int
  package let address: IPv4Address
  // They end in this order: a packet must not outlive its pool.
  package let device: SimulatedDevice
  package var stack: Stack
  package let pool: PacketPool
  package let devicePool: PacketPool
  /// Whether it can be reached.
  package internal(set) var isLinkUp = true

  /// The flows that are not over, and all that ever were, in order.
  private var running: [ConnectionID: Flow] = [:]
  package private(set) var flows: [Flow] = []
  /// Called with each flow that has ended.
  package var onEnd: ((Flow, Instant) throws(Failure) -> Void)?
  private var services: [ListenerID: Service] = [:]
  private var sleepers: [Flow] = []
  private let check: FrameCheck
  private var watch = FlowWatch()

  init(
    number: Int,
    _ settings: MachineSettings,
    seed: UInt64,
    at start: Instant
  ) {
    self.number = number
    address = IPv4Address(10, 0, 0, UInt8(number + 1))
    let hardware = 0x0200_0000_0000 + UInt64(number + 1)
    pool = PacketPool(capacity: settings.packets)
    devicePool =
      settings.device.slotSize.map {
        PacketPool(capacity: settings.device.slots, slotSize: $0)
      } ?? pool
    device = SimulatedDevice(settings.device, seed: seed, UInt64(number) + 100)
    var configuration = StackConfiguration(
      macAddress: MACAddress(bits: hardware),
      seed: SipHash.Key(seed, UInt64(number) + 200)
    )
    configuration.mtu = settings.mtu
    configuration.capabilities = settings.device.capabilities
    configuration.tcpLimits = settings.tcpLimits
    // The wire has the two of them, each with an address of its own.
    configuration.limits.conflict = .unchecked
    configuration.addressing = .fixed(
      Lease(address: address, prefixLength: 24)
    )
    stack = Stack(configuration, pool: pool, at: start)
    check = FrameCheck(
      hardware: hardware,
      address: 0x0A00_0000 + UInt32(number + 1),
      mtu: settings.mtu
    )
  }

  // MARK: Apps

  /// Accepts connections to `port`.
  @discardableResult
  package func listen(
    _ port: UInt16,
    backlog: Int = 128,
    _ service: @escaping Service
  ) throws(NetworkError) -> ListenerID {
    let listener = try stack.listen(port: port, backlog: backlog)
    services[listener] = service
    return listener
  }

  /// Does not accept any more.
  package func stopListening(_ listener: ListenerID, at now: Instant) {
    services[listener] = nil
    stack.stopListening(listener, at: now)
  }

  /// Begins a connection that does what `plan` says.
  @discardableResult
  package func connect(
    to machine: Machine,
    _ port: UInt16,
    at now: Instant,
    _ flow: (ConnectionID) -> Flow
  ) throws(NetworkError) -> Flow {
    let id = try stack.connect(
      to: Endpoint(address: machine.address, port: port),
      at: now
    )
    let flow = flow(id)
    add(flow)
    return flow
  }

  private func add(_ flow: Flow) {
    running[flow.id] = flow
    flows.append(flow)
    if flow.plan.isTimed { sleepers.append(flow) }
  }

  /// Ends a flow with a reset.
  package func abort(_ flow: Flow, at now: Instant) {
    flow.abort(&stack, at: now)
    running[flow.id] = nil
  }

  /// Lets the apps do what they can after what has happened. Returns whether
  /// anything had.
  private func runApps(at now: Instant) throws(Failure) -> Bool {
    var didRun = false
    for flow in sleepers where flow.deadline.map({ $0 <= now }) ?? false {
      didRun = true
      try run(flow, at: now)
    }
    sleepers.removeAll { $0.isOver }
    while let event = stack.nextEvent() {
      didRun = true
      guard case .tcp(let event) = event else { continue }
      switch event {
      case .acceptable(let listener):
        while let id = stack.accept(listener) {
          guard let service = services[listener] else {
            throw Failure("a connection of a listener that is closed")
          }
          let flow = service(id)
          add(flow)
          try run(flow, at: now)
        }
      case .connection(let id, _):
        if let flow = running[id] { try run(flow, at: now) }
      }
    }
    return didRun
  }

  private func run(_ flow: Flow, at now: Instant) throws(Failure) {
    guard !flow.isOver else { return }
    try flow.run(&stack, at: now)
    guard flow.isOver else { return }
    running[flow.id] = nil
    try onEnd?(flow, now)
  }

  // MARK: Turns

  /// When something is due here, beside what comes from the wire.
  var deadline: Instant? {
    var first = stack.nextDeadline()
    for other in [device.interrupt, device.idleAt] + sleepers.map(\.deadline) {
      guard let other else { continue }
      first = min(first ?? other, other)
    }
    return first
  }

  /// Does what is due, in the order of the kernel's loop; calls `depart` for
  /// every frame that leaves.
  func turn(
    at now: Instant,
    depart: (Frame, Instant) -> Void
  ) throws(Failure) {
    device.reclaim(at: now)
    device.receive(from: devicePool, at: now) { packet in
      stack.receive(packet, at: now)
    }
    if let due = stack.nextDeadline(), due <= now { stack.poll(at: now) }
    var didRun = true
    while didRun {
      didRun = try runApps(at: now)
      while isLinkUp, device.hasRoom, try transmitOne(at: now, depart) {}
    }
    guard device.hasRoom, isLinkUp, let due = stack.nextDeadline() else {
      return
    }
    try require(
      due > now,
      "due \((now - due).nanoseconds) ns ago, and nothing left to do"
    )
  }

  private func transmitOne(
    at now: Instant,
    _ depart: (Frame, Instant) -> Void
  ) throws(Failure) -> Bool {
    guard let packet = stack.transmit(at: now) else { return false }
    try device.send(packet, at: now) { (frame, instant) throws(Failure) in
      try check.check(frame)
      try watch.sends(frame)
      depart(frame, instant)
    }
    return true
  }

  /// Takes a frame from the wire.
  func arrive(_ frame: Frame, at now: Instant) throws(Failure) {
    try watch.receives(frame)
    device.arrive(frame, at: now)
  }
}
