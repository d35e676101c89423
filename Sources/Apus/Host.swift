import Net
import Packets
import Synchronization
import _Concurrency

/// What stands between the machine and the app's tasks: the stack, and who
/// waits for what of it.
///
/// The kernel drives it, as one of several things its loop does: frames and the
/// time in, frames and the next deadline out. Apps never see it.
///
/// Everything here happens on one core, between suspensions of tasks, so there
/// are no locks: `@unchecked Sendable` rests on an executor that runs one job
/// at a time, as the kernel's does and a test's must.
public final class Host: @unchecked Sendable {
  /// Reads the monotonic clock.
  private let clock: () -> Instant
  /// What followed `-append`.
  let commandLine: String
  /// The network devices, for those who want to know. The kernel sets one anew
  /// when the device has changed.
  public var interfaces: [InterfaceInformation]
  /// Reads what the machine counts: device and heap. The kernel sets it.
  public var machineCounters: () -> [Counter] = { [] }
  /// Reads how much a network device was used. The kernel sets it.
  public var interfaceUse: (Int) -> InterfaceUse = { _ in InterfaceUse() }

  var stack: Stack
  /// The tasks that wait.
  private(set) var waits = WaitTable()
  /// What is known of names.
  var names = NameTable()
  /// What is known of the time.
  var timeKeeper = TimeKeeper()
  /// The servers to ask for the time, whatever leases say. The kernel sets them.
  public var setTimeServers: [IPAddress] = []
  /// What this machine is called.
  var localNames = LocalNames()
  /// Have something to send yet when their tasks have ended.
  var partingSockets: [DatagramSocket] = []
  /// The task of ``SystemServices``. The kernel sets it.
  public var services: Task<Void, Never>?
  /// Whether `run` has ended, and how.
  public private(set) var appEnd: AppEnd?

  /// How an app ended.
  public enum AppEnd: Sendable {
    /// Its `run` returned.
    case returned
    /// Its `run` threw this.
    case threw(NetworkError)
  }

  /// A host whose stack is `stack`, with one interface.
  public init(
    stack: consuming Stack,
    interface: InterfaceInformation,
    commandLine: String,
    clock: @escaping () -> Instant
  ) {
    self.stack = stack
    interfaces = [interface]
    self.commandLine = commandLine
    self.clock = clock
  }

  // MARK: The machine's side

  private static let installed = AtomicLazyReference<Host>()

  /// The host that apps start on; `nil` before the kernel has made it.
  public static var current: Host? { installed.load() }

  /// Makes `host` the one that apps start on.
  ///
  /// - Precondition: None was made so before.
  public static func install(_ host: Host) {
    let first = installed.storeIfNil(host)
    precondition(first === host, "a machine has one host")
  }

  /// The time now.
  public var now: Instant { clock() }

  /// Takes in a frame that begins with its Ethernet header.
  public func receive(
    _ frame: consuming PacketBuffer,
    on interface: Int = 0,
    at now: Instant
  ) {
    stack.receive(frame, on: interface, at: now)
  }

  /// Runs what is due and wakes the tasks for which something happened.
  public func poll(at now: Instant) {
    stack.poll(at: now)
    deliverEvents()
    waits.expire(at: now)
  }

  /// The next frame to send over `interface`, or `nil`. To be asked only while
  /// there is room.
  ///
  /// The tasks' calls and the sending may be what other tasks have waited for,
  /// such as room in a socket: with `nil` those are ready to run.
  public func transmit(
    on interface: Int = 0,
    at now: Instant
  ) -> PacketBuffer? {
    guard let frame = stack.transmit(on: interface, at: now) else {
      deliverEvents()
      return nil
    }
    return frame
  }

  /// When to call ``poll(at:)`` again at the latest; `nil`: when something
  /// comes.
  public var deadline: Instant? {
    let network = stack.nextDeadline()
    guard let task = waits.deadline else { return network }
    guard let network else { return task }
    return min(task, network)
  }

  /// The first address that is bound.
  public var lease: Lease? { stack.lease }

  /// Called with its number when an address is bound, renewed or lost on an
  /// interface.
  public var onLeaseChange: ((Int, Lease?) -> Void)?

  /// Called when another host of an interface's link is found to have the
  /// address that this one was to use there, or has used.
  public var onAddressTaken: ((Int, IPv4Address) -> Void)?

  /// Called with its number when the machine is known by a name on the link of
  /// an interface, and when it has to look for another.
  public var onLocalNameChange: ((Int, DNSName?) -> Void)?

  /// Called when groups were joined or left: the devices are to pass on frames
  /// to ``groupHardware``.
  public var onGroupsChange: (() -> Void)?

  /// The hardware addresses of the groups that apps listen to.
  public var groupHardware: [MACAddress] { stack.groupHardware }

  /// Whether anything that the app wrote is not yet acknowledged.
  public var hasUnacknowledged: Bool { stack.hasUnacknowledged }

  /// The memory of what the app wrote and peers have not acknowledged, in bytes.
  public var sendMemoryInUse: Int { stack.sendMemoryInUse }

  /// The packets of the stack's own pool that somebody holds.
  public var packetsInUse: Int { stack.packetsInUse }

  /// Says what the device does with what is sent, when that has changed.
  public func setCapabilities(
    _ capabilities: LinkCapabilities,
    on interface: Int = 0
  ) {
    stack.setCapabilities(capabilities, on: interface)
  }

  /// Says whether a device's link is up, and wakes those who want to know. To
  /// say the same again does nothing.
  public func setLink(
    up isUp: Bool,
    on interface: Int = 0,
    at now: Instant
  ) {
    guard isUp != stack.isLinkUp(on: interface) else { return }
    stack.setLink(up: isUp, on: interface, at: now)
    waits.wakeAll(.link)
  }

  /// Whether the link of an interface is up.
  public func isLinkUp(on interface: Int) -> Bool {
    stack.isLinkUp(on: interface)
  }

  /// Whether any link is up.
  public var isLinkUp: Bool { stack.isLinkUp }

  /// Tells the link where this machine is, as the device asks for after the
  /// machine has moved. VIRTIO 1.2 §5.1.6.5.4.
  public func announce(on interface: Int = 0) {
    stack.announce(on: interface)
  }

  /// Gives the leases back, as the last thing that the machine says.
  public func releaseLeases(at now: Instant) { stack.releaseLeases(at: now) }

  /// Whether something that the stack itself had to say is not yet sent, and
  /// can be.
  public var hasUnsentControl: Bool { stack.hasUnsentControl }

  func appDidEnd(throwing error: NetworkError?) {
    appEnd = if let error { .threw(error) } else { .returned }
  }

  // MARK: The tasks' side

  /// Suspends the task until `event` happens, `deadline` passes, or the task is
  /// cancelled.
  func wait(for event: WaitEvent, until deadline: Instant?) async -> WaitResult
  {
    let ticket = waits.makeTicket()
    return await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        if Task.isCancelled {
          waits.discard(ticket)
          continuation.resume(returning: .cancelled)
        } else {
          waits.add(continuation, ticket, for: event, until: deadline)
        }
      }
    } onCancel: {
      waits.cancel(ticket)
    }
  }

  private func deliverEvents() {
    while let event = stack.nextEvent() { deliver(event) }
  }

  private func deliver(_ event: StackEvent) {
    switch event {
    case .addressBound(let lease, let interface),
      .addressRenewed(let lease, let interface):
      onLeaseChange?(interface, lease)
      waits.wakeAll(.bound)
    case .addressLost(let interface):
      onLeaseChange?(interface, nil)
      // Some wait for any change of it.
      waits.wakeAll(.bound)
    case .addressTaken(let address, let interface):
      onAddressTaken?(interface, address)
    case .tcp(.acceptable(let id)):
      // One event may stand for several connections.
      waits.wakeAll(.acceptable(id))
    case .tcp(.connection(let id, let changes)):
      let isOver = changes.contains(.closed) || changes.contains(.failed)
      if isOver || changes.contains(.readable) {
        waits.wakeAll(.readable(id))
      }
      if isOver || changes.contains(.writable)
        || changes.contains(.established)
      {
        waits.wakeAll(.writable(id))
      }
    case .datagrams(let id, let changes):
      if changes.contains(.readable) || changes.contains(.unreachable) {
        waits.wakeAll(.datagram(id))
      }
      if changes.contains(.writable) { waits.wakeAll(.datagramRoom(id)) }
    }
  }

  // MARK: What the app's values ask for

  /// What the stack counts.
  var stackCounters: [Counter] {
    var counters: [Counter] = []
    stack.counters.forEach { counters.append(Counter($0, $1)) }
    names.append(to: &counters)
    timeKeeper.append(to: &counters)
    localNames.append(to: &counters)
    return counters
  }

  /// The machine's name on the link of `interface` is `name` from now on.
  func setLocalName(_ name: DNSName?, on interface: Int) {
    guard localNames.set(name, on: interface) else { return }
    onLocalNameChange?(interface, name)
  }

  /// Stops listening and wakes those that wait to accept.
  func stopListening(_ id: ListenerID) {
    stack.stopListening(id, at: now)
    waits.wakeAll(.acceptable(id))
  }

  /// Wakes all that wait for an interface or its address.
  func wakeAddressed() { waits.wakeAll(.bound) }

  /// Wakes all that wait for what another task has found out.
  func wakeAnswered() { waits.wakeAll(.answer) }

  /// Wakes all that wait for something of connection `id`.
  func wakeAll(of id: ConnectionID) {
    waits.wakeAll(.readable(id))
    wakeWriters(of: id)
  }

  /// Wakes all that wait to write to connection `id`.
  func wakeWriters(of id: ConnectionID) { waits.wakeAll(.writable(id)) }

  /// Listens to a group.
  func joinGroup(_ group: IPAddress) throws(NetworkError) {
    try stack.joinGroup(group, at: now)
    onGroupsChange?()
  }

  /// Listens to a group no more.
  func leaveGroup(_ group: IPAddress) {
    stack.leaveGroup(group, at: now)
    onGroupsChange?()
  }

  /// Closes a socket and wakes all that wait for something of it.
  func unbindDatagrams(_ id: SocketID) {
    stack.unbindDatagrams(id)
    waits.wakeAll(.datagram(id))
    waits.wakeAll(.datagramRoom(id))
  }
}
