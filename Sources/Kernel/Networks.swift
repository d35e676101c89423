import Apus
import Net
import PCI
import Runtime
import Virtio

/// The networks of the machine: a port for each network device that can be
/// driven, and what becomes of them when devices come and go.
final class Networks {
  /// In the order in which their devices were found; at least one, which may be
  /// without a device.
  private(set) var ports: [NetworkPort] = []
  private var devices: VirtioDevices
  private let hotPlug: HotPlug?
  /// The slots, one bit each, that were not let go of.
  private var keptSlots: UInt32 = 0
  private let options: NetworkOptions
  private let commandLine: String
  /// The memory that each port goes by: they share what one would have.
  private let memoryOfEach: Int

  /// Starts all devices that can be driven; says on the console which not.
  init(
    _ devices: VirtioDevices,
    _ functions: [PCIFunction],
    memory: Int,
    commandLine: String
  ) {
    self.devices = devices
    self.commandLine = commandLine
    hotPlug = HotPlug(functions)
    options = NetworkOptions(commandLine)
    for problem in options.problems { Console.print(problem) }
    let found = devices.devices.filter { $0.kind == .network }
    memoryOfEach = memory / max(found.count, 1)
    for device in found { addPort(device) }
    guard ports.isEmpty else { return }
    ports.append(
      NetworkPort(0, nil, memory: memoryOfEach, commandLine: commandLine)
    )
  }

  /// Whether there is memory for one port more: its packets, and as much again
  /// for all else.
  private var hasMemory: Bool {
    let heap = MachineHeap.statistics
    return heap.capacity - heap.bytesInUse
      >= 2 * NetworkMemory.packets(of: memoryOfEach)
  }

  private func addPort(_ device: FoundDevice) {
    guard hasMemory else {
      Console.print("net: \(device.name) is not used: there is no memory left")
      return
    }
    let interface = NetworkInterface.start(
      device,
      devices,
      settings(number: ports.count)
    )
    guard let interface = consume interface else { return }
    add(interface)
  }

  private func add(_ interface: consuming NetworkInterface) {
    ports.append(
      NetworkPort(
        ports.count,
        interface,
        memory: memoryOfEach,
        commandLine: commandLine
      )
    )
  }

  private func settings(number: Int) -> NetworkSettings {
    var settings = NetworkSettings(
      receiveMemory: NetworkMemory.packets(of: memoryOfEach) / 2,
      randomBits: RandomSource.next(),
      vectors: nil
    )
    settings.queuePairs = options.queuePairs
    if number == 0 { settings.vlan = options.vlan }
    return settings
  }

  /// Looks, once a second, what has come of the devices.
  func look(at now: Instant) {
    for port in ports { port.look(at: now) }
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
    for port in ports where port.isIn(slot: slot) { port.detach(at: now) }
    devices.remove(slot: slot)
    hotPlug.eject(slot)
    Console.print("pci: the device in slot \(slot) is unplugged")
  }

  /// Starts what has come in `slot`: on the port that has lost its device, or on
  /// a new one.
  private func plug(_ slot: UInt8, at now: Instant) {
    for device in devices.add(slot: slot) where device.kind == .network {
      guard let port = ports.first(where: { !$0.hasDevice }) else {
        addPort(device)
        continue
      }
      let interface = NetworkInterface.start(
        device,
        devices,
        settings(number: port.number)
      )
      guard let interface = consume interface else { continue }
      port.attach(interface, at: now)
    }
  }
}
