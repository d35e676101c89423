import Apus
import BasicContainers
import Net
import PCI
import Packets
import Runtime
import Virtio

/// Where Virtio meets Net: a network device, and the way of frames between it
/// and the host.
struct NetworkInterface: ~Copyable {
  typealias Device = NetworkDevice<DeviceTransport<Machine>>

  private var device: Device
  private var interrupt: DeviceInterrupt
  /// The slot of bus 0 that the device is in, if it is in one.
  let slot: UInt8?
  /// Which of the host's it is.
  var number = 0
  /// Tells of each packet, if that was asked for.
  var trace: PacketTrace?
  /// The largest IP packet that is passed on, both ways.
  private(set) var mtu: Int
  private static var ethernetMTU: Int { 1500 }
  /// Whether the device can still be driven.
  private var isRunning = true
  /// When the present ``restartPeriod`` began, and the restarts since.
  private var periodStart: Instant?
  private var restarts = 0

  /// How many frames are taken from the device before the app gets its turn: a
  /// flood of them must not starve it.
  private static var mostFramesAtOnce: Int { 256 }
  /// How often a device is started again within ``restartPeriod``: one that
  /// needs it more often has nothing but that to do.
  private static var mostRestarts: Int { 64 }
  private static var restartPeriod: Interval { .seconds(60) }

  /// The interface of `device`, which has been started, and is in `slot` of
  /// bus 0 if it is there.
  init(
    _ device: consuming Device,
    _ interrupt: DeviceInterrupt,
    _ slot: UInt8?
  ) {
    self.interrupt = interrupt
    self.slot = slot
    mtu = device.mtu ?? Self.ethernetMTU
    self.device = device
  }

  /// Stops the device, which is about to go.
  ///
  /// - Throws: `resetFailed` when it does not come to rest.
  consuming func stop() throws(VirtioError) {
    let interrupt = interrupt
    defer { interrupt.end() }
    try device.stop()
  }

  /// What lines of the console about it begin with.
  private var name: String { NetworkOptions.name(number) }

  /// The interface's address.
  var macAddress: MACAddress { MACAddress(bits: device.macAddressBits) }

  /// Where the device receives into.
  var receiveMemory: ReceiveMemory { device.receiveMemory }

  /// Gives the interface another address.
  ///
  /// - Throws: Why the device does not take it.
  mutating func setMACAddress(_ address: MACAddress) throws(ControlError) {
    try device.setMACAddress(address.bits)
  }

  /// The stack goes by an MTU that it had before.
  ///
  /// - Precondition: It is no larger than the device's.
  mutating func limit(mtu: Int) {
    precondition(mtu <= self.mtu)
    self.mtu = mtu
  }

  /// Calls `body` with the name of each thing that the device counts, the pair
  /// of queues that counts it, and the value.
  func forEachCounter(_ body: (StaticString, Int?, UInt64) -> Void) {
    device.forEachCounter(body)
  }

  /// How much the device was used.
  var use: InterfaceUse {
    InterfaceUse(frames: device.frames, exits: device.exits)
  }

  /// A line about what went through, and what it cost.
  var summary: String {
    "\(device.received.packets) frames received, \(device.sent.packets) sent,"
      + " \(use.exitsPerThousandFrames) exits per 1000 frames"
  }

  /// What there is to say of it.
  var information: InterfaceInformation {
    let speed = device.linkSpeed
    return InterfaceInformation(
      driver: "virtio-net, \(device.transport.name)",
      interrupts: interrupt.name,
      features: device.features.names,
      macAddress: macAddress,
      mtu: mtu,
      speed: speed?.megabits.map { Int($0) },
      duplex: speed?.isFullDuplex.map { $0 ? .full : .half },
      queueFormat: device.features.contains(.ringPacked) ? .packed : .split,
      queuePairs: device.pairCount
    )
  }

  /// What the device does with what is sent. The stack makes no IPv6, nor
  /// datagrams that are to be cut.
  var capabilities: LinkCapabilities {
    var capabilities = LinkCapabilities()
    capabilities.completesChecksums = device.features.contains(.csum)
    capabilities.largestSegmentation =
      device.features.contains(.hostTSO4) ? 65535 : 0
    capabilities.mostFragments = device.mostFragments
    return capabilities
  }

  // MARK: The way of frames

  /// Takes what the device has, up to a bound.
  mutating func receive(into host: Host, at now: Instant) {
    guard isRunning else { return }
    if trace != nil {
      receiveTraced(into: host, at: now)
    } else {
      for _ in 0..<Self.mostFramesAtOnce {
        guard let frame = device.receive() else { break }
        host.receive(frame, on: number, at: now)
      }
    }
    if device.isBroken {
      recover(host, "its rings are not what they should be", at: now)
    }
  }

  /// Looks, once a second, whether the device still sends what it is given.
  mutating func look(_ host: Host, at now: Instant) {
    guard isRunning, device.isTransmitStalled() else { return }
    recover(host, "it sends nothing any more", at: now)
  }

  /// Gives the device what the host has to send, as far as there is room, and
  /// new packets to receive into.
  mutating func transmit(from host: Host, at now: Instant) {
    guard isRunning else { return }
    device.reclaim()
    if trace != nil {
      transmitTraced(from: host, at: now)
    } else {
      while device.canTransmit(),
        let frame = host.transmit(on: number, at: now)
      {
        device.transmit(frame)
      }
    }
    device.refill()
    device.flush()
  }

  // Apart from the others, which are not to ask of each packet whether it is
  // traced.

  private mutating func receiveTraced(into host: Host, at now: Instant) {
    for _ in 0..<Self.mostFramesAtOnce {
      guard let frame = device.receive() else { break }
      trace?.receive(frame, into: host, on: number, at: now)
    }
  }

  private mutating func transmitTraced(from host: Host, at now: Instant) {
    while device.canTransmit(),
      let frame = trace?.transmit(from: host, on: number, at: now)
    {
      device.transmit(frame)
    }
  }

  // MARK: Interrupts

  /// Lets the device interrupt.
  ///
  /// - Returns: Whether there is work already.
  mutating func enableInterrupts() -> Bool {
    isRunning && device.enableInterrupts()
  }

  /// Answers what interrupted, and asks the device to be quiet again.
  mutating func disableInterrupts(_ host: Host, at now: Instant) {
    device.disableInterrupts()
    let reasons: InterruptReasons
    switch interrupt.take() {
    case .nothing: return
    case .messages(let messages):
      device.noteInterrupt()
      reasons = messages
    case .line:
      // Another device may share the line; reading takes it back if it is ours.
      reasons = device.acknowledgeInterrupt()
      interrupt.finish()
    }
    guard reasons.contains(.configuration) else { return }
    if device.needsReset { recover(host, "it asked for that", at: now) }
    host.interfaces[number] = information
    tellLink(to: host, at: now)
    announceIfAsked(host)
  }

  /// Tells the host whether the link is up, and the console when that is new.
  private func tellLink(to host: Host, at now: Instant) {
    let wasUp = host.isLinkUp(on: number)
    host.setLink(up: isLinkUp, on: number, at: now)
    guard host.isLinkUp(on: number) != wasUp else { return }
    Console.print("\(name): link \(wasUp ? "down" : "up")")
  }

  /// §5.1.6.5.4: the device asks after a migration, so that the network learns
  /// where the interface is now.
  private mutating func announceIfAsked(_ host: Host) {
    guard isRunning, device.mustAnnounce else { return }
    host.announce(on: number)
    do throws(ControlError) {
      try device.acknowledgeAnnouncement()
    } catch {
      Console.print(
        "\(name): the device does not take the announcement's end"
      )
    }
  }

  /// Starts the device again, because it asked for that, its rings are not what
  /// they should be, or it stands still. VIRTIO 1.2 §2.1.2. What it held is sent
  /// again by those who miss it.
  private mutating func recover(
    _ host: Host,
    _ reason: StaticString,
    at now: Instant
  ) {
    guard isRunning else { return }
    if isTooOften(at: now) {
      giveUp("it needed too many resets")
    } else {
      do throws(VirtioError) {
        try device.restart()
        host.setCapabilities(capabilities, on: number)
        host.interfaces[number] = information
        Console.write("\(name): the device was reset and started again: ")
        Console.print(reason)
        // §5.1.4.2: no packet may be larger, and connections have agreed on
        // more.
        if let limit = device.mtu, limit < mtu {
          giveUp("it takes smaller packets than before")
        }
      } catch {
        giveUp(describe(error))
      }
    }
    tellLink(to: host, at: now)
  }

  /// Counts a restart, and says whether that is one too many.
  private mutating func isTooOften(at now: Instant) -> Bool {
    if let start = periodStart, now - start < Self.restartPeriod {
      restarts += 1
      return restarts > Self.mostRestarts
    }
    periodStart = now
    restarts = 1
    return false
  }

  private mutating func giveUp(_ reason: StaticString) {
    isRunning = false
    Console.write("\(name): the device is given up: ")
    Console.print(reason)
  }

  // MARK: Groups

  /// Has the device pass on frames to the groups that are joined. One that does
  /// not filter passes on all of them.
  mutating func receiveGroups(of host: Host) {
    guard isRunning else { return }
    do throws(ControlError) {
      try device.setFilter(
        unicast: [],
        multicast: host.groupHardware.map { $0.bits }
      )
    } catch {
      // Without the command there is no filter, and all comes.
      guard error != .notOffered else { return }
      Console.print("\(name): the device does not take the table of groups")
    }
  }

  /// Whether frames can come and go.
  var isLinkUp: Bool { isRunning && device.isLinkUp }
}
