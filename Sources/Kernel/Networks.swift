import Apus
import Net
import PCI
import Packets
import Runtime
import Virtio

/// The networks of the machine: its host, a port of it for each network device
/// that can be driven, and what becomes of them when devices come and go.
final class Networks {
  /// In the order in which their devices were found; at least one, which may be
  /// without a device. As many as the host's interfaces.
  private(set) var ports: [NetworkPort] = []
  /// Whether there is more than one.
  private(set) var areSeveral = false
  private var devices: VirtioDevices
  private let hotPlug: HotPlug?
  /// The slots, one bit each, that were not let go of.
  private var keptSlots: UInt32 = 0
  private let options: NetworkOptions
  private let commandLine: String
  private let memory: Int
  /// The memory that the device of each port goes by: they share what one would
  /// have.
  private let memoryOfEach: Int
  /// Tells of each packet, if that was asked for.
  private let trace: PacketTrace?
  /// The buffers of devices that are gone, as long as somebody holds packets of
  /// them: connections keep what they received until it is read.
  private var retired: [ReceiveMemory] = []

  /// Starts all devices that can be driven; says on the console which not.
  init(
    _ devices: VirtioDevices,
    _ functions: [PCIFunction],
    memory: Int,
    commandLine: String
  ) {
    self.devices = devices
    self.memory = memory
    self.commandLine = commandLine
    hotPlug = HotPlug(functions)
    options = NetworkOptions(commandLine)
    for problem in options.problems { Console.print(problem) }
    if let vlan = options.vlan {
      Console.print(
        "net: in virtual LAN \(vlan.identifier), frames have its tag"
      )
    }
    trace =
      options.tracesPackets
      ? PacketTrace(name: NetworkOptions.name(0)) { Console.print($0) } : nil
    let found = devices.devices.filter { $0.kind == .network }
    memoryOfEach = memory / max(found.count, 1)
    for device in found { addPort(device) }
    if ports.isEmpty { addFirst(nil) }
  }

  /// The host of all networks.
  var host: Host { ports[0].host }

  /// What the machine is to be called.
  var hostName: [UInt8] { options.hostName }

  /// Makes a port for a device that was there at boot. Its address is what the
  /// machine was given, even if another has the same: they may be on networks
  /// that have nothing to do with each other.
  private func addPort(_ device: FoundDevice) {
    guard let interface = start(device, ports.count) else { return }
    let address = interface.macAddress
    if let other = ports.first(where: { $0.isKnown(by: address) }) {
      Console.print(
        "net\(ports.count): \(describe(address)) is the address of"
          + " \(other.name), too: they must not be on the same network"
      )
    }
    add(interface)
  }

  /// Makes a port for a device that has come while the machine runs.
  private func addLaterPort(_ device: FoundDevice) {
    guard let interface = start(device, ports.count) else { return }
    guard let interface = withOwnAddress(interface) else { return }
    add(interface)
  }

  /// Starts `device` for port `number`; with the buffers of one that is gone,
  /// if there is one.
  private func start(_ device: FoundDevice, _ number: Int) -> NetworkInterface?
  {
    let interface = Self.start(
      device,
      devices,
      memory: memoryOfEach,
      options,
      number: number,
      reusing: retired.last
    )
    guard let interface = consume interface else { return nil }
    let pool = interface.receiveMemory.pool
    retired.removeAll { $0.pool === pool }
    return interface
  }

  /// Makes the host, and the port of its first interface.
  private func addFirst(_ interface: consuming NetworkInterface?) {
    let information = interface?.information ?? Self.noDevice
    var configuration = Self.configuration(0, information, options)
    configuration.capabilities =
      interface?.capabilities ?? configuration.capabilities
    let host = Self.makeHost(
      configuration,
      information,
      memory: memory,
      hostName: hostName,
      commandLine: commandLine
    )
    // The machine's networks live as long as it does, so a cycle keeps nothing
    // too long.
    host.onLeaseChange = { self.ports[$0].announce($1) }
    // Tasks join and leave; the loop does not hold the interfaces then.
    host.onGroupsChange = { for port in self.ports { port.receiveGroups() } }
    host.onAddressTaken = { number, address in
      Console.print(
        "\(NetworkOptions.name(number)): \(describe(address)) belongs to another"
          + " host of the link: it is not used"
      )
    }
    host.setTimeServers = options.timeServers.map { IPAddress($0) }
    host.onLocalNameChange = { number, name in
      guard let name else { return }
      Console.print("\(NetworkOptions.name(number)): named \(name.text)")
    }
    host.interfaceUse = { self.ports[$0].use }
    addPort(0, of: host, interface)
  }

  /// Makes an interface of the host for `interface`, and its port.
  private func add(_ interface: consuming NetworkInterface) {
    if ports.isEmpty { return addFirst(interface) }
    let name = NetworkOptions.name(ports.count)
    guard ports.count < Limits().interfaces else {
      Console.print(
        "net: one device more is not used: there are \(ports.count) interfaces"
      )
      retire(ports[0].end(interface))
      return
    }
    // The stack's buffers are made for the first.
    let largest = host.interfaces[0].mtu
    if interface.mtu > largest {
      Console.print(
        "\(name): packets have up to \(largest) bytes, as those of net, and not"
          + " \(interface.mtu)"
      )
      interface.limit(mtu: largest)
    }
    let information = interface.information
    var configuration = Self.configuration(ports.count, information, options)
    configuration.capabilities = interface.capabilities
    let number = host.addInterface(configuration, information, at: Clock.now)
    addPort(number, of: host, interface)
  }

  /// Makes the port of an interface that the host has.
  private func addPort(
    _ number: Int,
    of host: Host,
    _ interface: consuming NetworkInterface?
  ) {
    for route in options.addresses(of: number).routes {
      do throws(NetworkError) {
        try host.addRoute(route, on: number)
      } catch {
        Console.print(
          "\(NetworkOptions.name(number)): there is no place for the route to"
            + " \(describe(route.destination))/\(route.prefixLength)"
        )
      }
    }
    ports.append(
      NetworkPort(
        number,
        of: host,
        interface,
        trace
      )
    )
    areSeveral = ports.count > 1
  }

  /// Gives `interface` another address where a port goes by its one: QEMU gives
  /// the address of a device that has gone to the next that comes, but the port
  /// and its peers still go by it.
  ///
  /// - Returns: `nil` when the device does not take one.
  private func withOwnAddress(
    _ interface: consuming NetworkInterface
  ) -> NetworkInterface? {
    var interface = interface
    let address = interface.macAddress
    guard let other = ports.first(where: { $0.isKnown(by: address) }) else {
      return interface
    }
    let own = MACAddress(localBits: RandomSource.next())
    let name = NetworkOptions.name(ports.count)
    do throws(ControlError) {
      try interface.setMACAddress(own)
    } catch {
      Console.print(
        "\(name): \(describe(address)) is the address of \(other.name), and"
          + " the device takes no other: it is not used"
      )
      interface.number = ports.count
      retire(other.end(interface))
      return nil
    }
    Console.print(
      "\(name): \(describe(address)) is the address of \(other.name): it has"
        + " \(describe(own)) instead"
    )
    return interface
  }

  /// Looks, once a second, what has come of the devices.
  func look(at now: Instant) {
    for port in ports { port.look(at: now) }
    trace?.look(at: now)
    retired.removeAll { $0.pool.available == $0.pool.capacity }
    guard let hotPlug else { return }
    let unplugging = hotPlug.unpluggingSlots
    for slot in UInt8(0)..<32 where unplugging & 1 << UInt32(slot) != 0 {
      unplug(slot, hotPlug, at: now)
    }
    let plugged = hotPlug.takePlugged()
    for slot in UInt8(0)..<32 where plugged & 1 << UInt32(slot) != 0 {
      plug(slot, at: now)
    }
  }

  /// Lets go of what is in `slot`, and then lets it go.
  private func unplug(_ slot: UInt8, _ hotPlug: HotPlug, at now: Instant) {
    if devices.isInUse(slot: slot, besides: .network) {
      // Told once: the request stays as long as the machine wants it.
      if keptSlots & 1 << UInt32(slot) == 0 {
        Console.print("pci: the device in slot \(slot) is in use: it stays")
      }
      keptSlots |= 1 << UInt32(slot)
      return
    }
    for port in ports where port.isIn(slot: slot) {
      retire(port.detach(at: now))
    }
    devices.remove(slot: slot)
    hotPlug.eject(slot)
    Console.print("pci: the device in slot \(slot) is unplugged")
  }

  /// Starts what has come in `slot`: on the port that has lost its device, or on
  /// a new one.
  private func plug(_ slot: UInt8, at now: Instant) {
    for device in devices.add(slot: slot) {
      guard device.kind == .network else {
        Console.print(
          "pci: \(device.name) is not used: only network devices may come while"
            + " the machine runs"
        )
        continue
      }
      guard let guess = freePort(slot, nil) else {
        addLaterPort(device)
        continue
      }
      guard let interface = start(device, guess.number) else { continue }
      attach(interface, device, guess, at: now)
    }
  }

  /// The port for what has come in `slot` and has `address`: the one that its
  /// peers know by that, or whose device was there, or any without a device.
  private func freePort(_ slot: UInt8, _ address: MACAddress?) -> NetworkPort? {
    let free = ports.filter { !$0.hasDevice }
    let known = address.flatMap { address in
      free.first { $0.isKnown(by: address) }
    }
    return known ?? free.first { $0.wasIn(slot: slot) } ?? free.first
  }

  /// Attaches `interface`, which was started for `guess`, to the port that it
  /// belongs to.
  private func attach(
    _ interface: consuming NetworkInterface,
    _ device: FoundDevice,
    _ guess: NetworkPort,
    at now: Instant
  ) {
    let address = interface.macAddress
    let port = freePort(device.slot ?? 0, address) ?? guess
    guard port.number != guess.number, options.vlan != nil,
      port.number == 0 || guess.number == 0
    else { return retire(port.attach(interface, at: now)) }
    // Only the first is in a virtual LAN.
    retire(port.end(interface))
    guard let other = start(device, port.number) else { return }
    retire(port.attach(other, at: now))
  }

  private func retire(_ memory: ReceiveMemory?) {
    if let memory { retired.append(memory) }
  }
}
