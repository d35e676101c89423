import Apus
import BasicContainers
import Net
import Packets
import Virtio

/// One network that the machine is on: the device, as long as there is one, and
/// the host with its stack, which outlives the device.
///
/// The app's sockets are on the first. Each other one has a stack of its own
/// that takes a lease and answers pings.
final class NetworkPort {
  let host: Host
  /// Which it is, from 0 on.
  let number: Int
  private var interface: NetworkInterface?
  /// What the stack sends, and keeps of what was received.
  private let pool: PacketPool
  /// The largest IP packet of the stack.
  private let mtu: Int
  /// The slot of bus 0 that the last device was in.
  private var slot: UInt8?
  /// Tells of each packet, if that was asked for.
  private let trace: PacketTrace?
  /// What the console said last of the address.
  private var lastAnnouncement: [UInt8] = []

  /// A port with `interface`, if that is given, whose stack takes packets of
  /// `pool`.
  init(
    _ number: Int,
    _ interface: consuming NetworkInterface?,
    memory: Int,
    commandLine: String,
    tracesPackets: Bool
  ) {
    self.number = number
    trace =
      tracesPackets
      ? PacketTrace(name: Self.name(number)) { Console.print($0) } : nil
    let information =
      interface?.information
      ?? InterfaceInformation(
        driver: "none",
        interrupts: "none",
        features: [],
        // For a device that may come later.
        macAddress: MACAddress(localBits: RandomSource.next())
      )
    let mtu = interface?.mtu ?? 1500
    self.mtu = mtu
    slot = interface?.slot
    let pool = Self.makePool(memory: memory, mtu: mtu)
    self.pool = pool
    var configuration = StackConfiguration(
      macAddress: information.macAddress,
      seed: RandomSource.key()
    )
    configuration.mtu = mtu
    configuration.capabilities =
      interface?.capabilities ?? configuration.capabilities
    configuration.tcpLimits = TCPLimits(memory: memory)
    configuration.tcpLimits.firstPackets = pool.capacity / 4
    configuration.hostName = Array("apus".utf8)
    var stack = Stack(configuration, pool: pool, at: Clock.now)
    stack.setLink(up: interface?.isLinkUp ?? false, at: Clock.now)
    host = Host(
      stack: stack,
      interface: information,
      commandLine: commandLine,
      clock: { Clock.now }
    )
    self.interface = consume interface
    self.interface?.name = name
    self.interface?.trace = trace
    announce(information)
    // Ports live as long as the machine, so a cycle keeps nothing too long.
    host.onLeaseChange = { lease in self.announce(lease) }
    // Tasks join and leave; the loop does not hold the interface then.
    host.onGroupsChange = { self.interface?.receiveGroups(of: self.host) }
    host.onAddressTaken = { address in
      Console.print(
        "\(self.name): \(describe(address)) belongs to another host of the"
          + " link: it is not used"
      )
    }
    host.interfaceUse = { self.interface?.use ?? InterfaceUse() }
  }

  /// The stack's own packets, which hold `mtu` bytes with all headers.
  private static func makePool(memory: Int, mtu: Int) -> PacketPool {
    let headers = PacketPool.controlBlockSize + TCPLimits().headroom + 60
    let slotSize = max(
      (headers + mtu + 63) & ~63,
      PacketPool.defaultSlotSize
    )
    return PacketPool(
      capacity: NetworkMemory.packets(of: memory) / 2 / slotSize,
      slotSize: slotSize
    )
  }

  // MARK: Devices come and go

  /// Whether there is a device.
  var hasDevice: Bool { interface != nil }

  /// Whether the device is in `slot` of bus 0.
  func isIn(slot: UInt8) -> Bool { interface?.slot == slot }

  /// Whether its last device was in `slot` of bus 0.
  func wasIn(slot: UInt8) -> Bool { self.slot == slot }

  /// Whether its peers know it by `address`.
  func isKnown(by address: MACAddress) -> Bool {
    host.interface.macAddress == address
  }

  /// Lets the device go: the link is down, and connections wait.
  ///
  /// - Returns: The buffers that it received into; `nil` when there was none,
  ///   or when it does not come to rest and may write there.
  func detach(at now: Instant) -> ReceiveMemory? {
    guard let interface = interface.take() else { return nil }
    let memory = end(interface)
    host.setLink(up: false, at: now)
    Console.print("\(name): the device is gone")
    return memory
  }

  /// Goes on with another device. It gets the address that the port is known by
  /// to its peers; one that does not take it is of no use.
  ///
  /// - Returns: The buffers of a device that is not used.
  func attach(
    _ interface: consuming NetworkInterface,
    at now: Instant
  ) -> ReceiveMemory? {
    interface.name = name
    interface.trace = trace
    let address = host.interface.macAddress
    guard interface.mtu >= mtu else {
      // §5.1.4.2: no packet may be larger, and connections have agreed on more.
      Console.print(
        "\(name): the new device takes packets of \(interface.mtu) bytes, less"
          + " than \(mtu): it is not used"
      )
      return end(interface)
    }
    interface.limit(mtu: mtu)
    if interface.macAddress != address {
      do throws(ControlError) {
        try interface.setMACAddress(address)
      } catch {
        Console.print(
          "\(name): the new device does not take the address"
            + " \(describe(address)): it is not used"
        )
        return end(interface)
      }
    }
    let information = interface.information
    host.interface = information
    host.setCapabilities(interface.capabilities)
    let isUp = interface.isLinkUp
    slot = interface.slot
    interface.receiveGroups(of: host)
    self.interface = consume interface
    announce(information)
    host.setLink(up: isUp, at: now)
    return nil
  }

  /// Stops `interface`, which is not, or not any more, the port's.
  ///
  /// - Returns: Its buffers; `nil` when it may still write there.
  func end(_ interface: consuming NetworkInterface) -> ReceiveMemory? {
    let (memory, name) = (interface.receiveMemory, interface.name)
    do throws(VirtioError) {
      try interface.stop()
      return memory
    } catch {
      Console.print("\(name): the device does not come to rest")
      return nil
    }
  }

  // MARK: The loop

  /// Everything that can be done now without the tasks.
  func turn(at now: Instant) {
    guard interface != nil else { return host.poll(at: now) }
    interface?.turn(host, at: now)
  }

  /// Gives the device what the host has to send.
  func transmit(at now: Instant) { interface?.transmit(from: host, at: now) }

  /// Lets the device interrupt.
  ///
  /// - Returns: Whether there is work already.
  func enableInterrupts() -> Bool { interface?.enableInterrupts() ?? false }

  /// Answers what interrupted, and asks the device to be quiet again.
  func disableInterrupts(at now: Instant) {
    interface?.disableInterrupts(host, at: now)
  }

  /// Looks, once a second, whether the device still sends.
  func look(at now: Instant) {
    interface?.look(host, at: now)
    trace?.look(at: now)
  }

  /// Adds what the device counts.
  func append(to counters: inout [Counter]) {
    interface?.forEachCounter {
      counters.append(Counter($0, $2, interface: number, pair: $1))
    }
    append("memory: packets in use", Self.used(pool), to: &counters)
    if let received = interface?.receiveMemory.pool {
      // Those that wait in the device are.
      append(
        "memory: receive buffers in use",
        Self.used(received),
        to: &counters
      )
    }
    append(
      "memory: bytes of send buffers in use",
      host.sendMemoryInUse,
      to: &counters
    )
  }

  private func append(
    _ name: StaticString,
    _ value: Int,
    to counters: inout [Counter]
  ) {
    counters.append(Counter(name, UInt64(value), interface: number))
  }

  private static func used(_ pool: PacketPool) -> Int {
    pool.capacity - pool.available
  }

  // MARK: The console

  /// What its lines begin with.
  var name: String { Self.name(number) }

  private static func name(_ number: Int) -> String {
    number == 0 ? "net" : "net\(number)"
  }

  /// Says what went through the device.
  func summarise() {
    guard let summary = interface?.summary else { return }
    Console.print("\(name): \(summary)")
  }

  /// Says which address is bound; nothing when it is as it was: a lease may be
  /// renewed every few seconds.
  private func announce(_ lease: Lease?) {
    let text = lease.map { describe($0) } ?? "address given up"
    let bytes = Array(text.utf8)
    guard bytes != lastAnnouncement else { return }
    lastAnnouncement = bytes
    Console.print("\(name): \(text)")
  }

  private func announce(_ interface: InterfaceInformation) {
    guard self.interface != nil else {
      Console.print(
        "net: no network device; give QEMU one: -device virtio-net-pci, or"
          + " virtio-net-device on a microvm"
      )
      return
    }
    Console.print(
      "\(name): \(interface.driver), \(interface.interrupts), MAC"
        + " \(describe(interface.macAddress))"
    )
    Console.write("\(name): features")
    for feature in interface.features {
      Console.write(byte: 0x20)
      Console.write(feature)
    }
    Console.write(byte: 0x0A)
  }
}
