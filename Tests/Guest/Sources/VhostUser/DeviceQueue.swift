/// One of the device's queues: its ring, as QEMU sets it up bit by bit, and the
/// chains that the device has taken.
///
/// A ring runs from when it has been told all until GET_VRING_BASE stops it.
struct DeviceQueue {
  var size: UInt16 = 0
  var descriptors: UInt64 = 0
  var driverArea: UInt64 = 0
  var deviceArea: UInt64 = 0
  /// Where the ring goes on, as QEMU has it.
  var base: UInt32 = 0
  /// vhost-user, "Ring states": only an enabled ring moves packets.
  var isEnabled = false
  /// What tells of new chains.
  var kick: FileDescriptor?
  /// What interrupts the guest.
  var call: FileDescriptor?

  /// The ring while it runs.
  private(set) var ring: (any DeviceRing)?
  /// Chains that were taken and not given back yet, in order.
  private(set) var held: [Chain] = []

  /// Starts the ring, if all that it needs is known.
  ///
  /// - Returns: Whether it was started.
  mutating func startIfReady(
    _ memory: GuestMemory,
    _ features: DeviceFeatures
  ) throws(VhostUserError) -> Bool {
    guard ring == nil, isEnabled, kick != nil, size > 0, descriptors != 0
    else { return false }
    let configuration = RingConfiguration(
      size: size,
      descriptors: descriptors,
      driverArea: driverArea,
      deviceArea: deviceArea,
      base: base,
      usesEventIndex: features.contains(.eventIndex)
    )
    ring =
      features.contains(.packed)
      ? try PackedRing(configuration, memory)
      : try SplitRing(configuration, memory)
    return true
  }

  /// Stops the ring; what was taken from it is lost.
  mutating func stop() {
    if let ring { base = ring.base(heldCount: held.count) }
    ring = nil
    held = []
    kick = nil
    call = nil
  }

  /// Takes all chains that there are, and asks to be told of the next.
  mutating func takeAll() throws(VhostUserError) {
    repeat {
      ring?.setNotifications(false)
      while let chain = try ring?.take() { held.append(chain) }
      ring?.setNotifications(true)
      guard let chain = try ring?.take() else { return }
      // One came in between, unannounced.
      held.append(chain)
    } while true
  }

  /// The first of the chains that were taken.
  mutating func next() -> Chain? {
    held.isEmpty ? nil : held.removeFirst()
  }

  /// Takes back what ``next()`` has given last.
  mutating func putBack(_ chains: [Chain]) { held = chains + held }

  /// Gives chains back.
  mutating func complete(_ completions: [Completion]) {
    for completion in completions { ring?.complete(completion) }
    publish()
  }

  /// Lets the driver see what was given back, and interrupts it if it wants.
  mutating func publish() {
    if ring?.publish() == true { call?.signal() }
  }

  // MARK: For lies

  /// An id that the driver has not posted, and not `except`.
  func identifierNotInFlight(except: UInt32) -> UInt32? {
    let taken = Set(held.map { UInt32($0.identifier) } + [except])
    return (0..<UInt32(ring?.size ?? 0)).last { !taken.contains($0) }
  }

  mutating func jump() { ring?.jump() }

  mutating func completeWithWrongWrap(_ completion: Completion) {
    ring?.completeWithWrongWrap(completion)
  }

  func writeSuppression(_ random: inout SeededGenerator) {
    ring?.writeSuppression(&random)
  }

  func scribble(_ random: inout SeededGenerator) {
    ring?.scribble(&random)
  }

  func mend() { ring?.mend() }
}
