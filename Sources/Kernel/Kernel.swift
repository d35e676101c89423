import Apus
import CPU
import Net
import PCI
import Packets
import Runtime

/// Where `Boot/entry.asm` leads: brings the machine up part by part, starts the
/// app, and runs it until it ends. `startInfo` is the address of the PVH start
/// info.
@c(kernel_start)
public func kernelStart(_ startInfo: UInt) {
  Console.initialize()
  Platform.install(
    Platform(
      writeByte: { Console.write(byte: $0) },
      panic: { panic($0) },
      random: { RandomSource.next() }
    )
  )
  Traps.initialize()
  guard let map = MemoryMap(startInfo: startInfo) else {
    panic("no PVH start info with a memory map: boot with QEMU's -kernel")
  }
  Memory.initialize(map)
  let memoryReady = cpu_timestamp()

  LegacyInterruptController.initialize()
  LocalAPIC.initialize()
  let reference = Clock.calibrate()
  var phases = BootPhases()
  phases.finish("memory", at: Clock.at(timestamp: memoryReady))
  Console.write("clock: ")
  Console.print(reference.name)
  phases.finish("clock")

  let origin = RandomSource.initialize()
  RandomSource.armStackProtector()
  Console.write("random: ")
  Console.print(origin.name)
  phases.finish("random")
  Console.print("memory: \(map.byteCount >> 20) MiB usable")

  let functions = enumerate(Machine())
  for function in functions { Console.print(describe(function)) }
  let assignment = AddressAssignment(functions, Machine())
  if assignment.unplacedCount > 0 {
    Console.print("pci: no place for \(assignment.unplacedCount) registers")
  }
  phases.finish("pci")
  let devices = VirtioDevices(
    assignment,
    readTables(map),
    commandLine: map.readCommandLine()
  )
  phases.finish("acpi")

  let interface = NetworkInterface.start(
    devices,
    receiveMemory: packetMemory(map) / 2
  )
  phases.finish("network device")

  let end = runApp(map, interface, &phases)
  switch end {
  case .returned: Power.off(.orderly)
  case .threw(let error):
    Console.print("app: run threw .\(describe(error))")
    Power.off(.panic)
  }
}

/// Reads what ACPI tells of interrupt controllers, which are set up, and of
/// memory-mapped devices, which are returned.
private func readTables(_ map: MemoryMap) -> [MMIOPlace] {
  guard map.rootPointer != 0 else {
    InterruptLines.initialize(nil)
    return []
  }
  let tables = ACPITables(rootPointer: map.rootPointer, MachineMemory())
  let controllers = tables.controllers.map { InterruptControllers($0) }
  let devices = tables.devices.map { ACPIDevices($0) }
  for problem in tables.problems { Console.print(problem) }
  for problem in controllers?.problems ?? [] { Console.print(problem) }
  for problem in devices?.problems ?? [] { Console.print(problem) }
  InterruptLines.initialize(controllers)
  return devices?.places ?? []
}

/// How much memory there is for packets: a quarter of the memory for the first 8
/// MiB of them, which a small machine needs to hold its own against peers that
/// do not read, then an eighth, and no more than 32 MiB. Half of it is for
/// what the device receives, half for what the stack sends and keeps.
private func packetMemory(_ map: MemoryMap) -> Int {
  let bytes = max(
    min(map.byteCount / 4, 8 << 20),
    min(map.byteCount / 8, 32 << 20)
  )
  return max(Int(bytes), 1 << 20)
}

/// The stack's own packets, which hold `mtu` bytes with all headers.
private func makePool(_ map: MemoryMap, mtu: Int) -> PacketPool {
  let headers = PacketPool.controlBlockSize + TCPLimits().headroom + 60
  let slotSize = max(
    (headers + mtu + 63) & ~63,
    PacketPool.defaultSlotSize
  )
  return PacketPool(
    capacity: packetMemory(map) / 2 / slotSize,
    slotSize: slotSize
  )
}

/// Makes the stack, starts the app, and runs both until the app ends.
private func runApp(
  _ map: MemoryMap,
  _ interface: consuming NetworkInterface?,
  _ phases: inout BootPhases
) -> Host.AppEnd {
  let information =
    interface?.information
    ?? InterfaceInformation(
      driver: "none",
      interrupts: "none",
      features: [],
      macAddress: MACAddress(bits: 0)
    )
  announce(information, isThere: interface != nil)
  let pool = makePool(map, mtu: interface?.mtu ?? 1500)
  var configuration = StackConfiguration(
    macAddress: information.macAddress,
    seed: RandomSource.key()
  )
  configuration.mtu = interface?.mtu ?? configuration.mtu
  configuration.tcpLimits = TCPLimits(memory: Int(map.byteCount))
  configuration.tcpLimits.firstPackets = pool.capacity / 4
  configuration.hostName = Array("apus".utf8)
  var stack = Stack(configuration, pool: pool, at: Clock.now)
  stack.setLink(up: interface?.isLinkUp ?? false, at: Clock.now)

  let host = Host(
    stack: stack,
    interface: information,
    commandLine: map.readCommandLine(),
    clock: { Clock.now }
  )
  host.onLeaseChange = { lease in announce(lease) }
  Host.install(host)
  phases.finish("stack")
  boot_start_app()
  phases.finish("app")
  return EventLoop(host: host, interface: interface).run()
}

/// What the console said last of the address.
///
/// SAFETY: one core; only the loop announces.
nonisolated(unsafe) private var lastAnnouncement: [UInt8] = []

/// Says which address is bound; nothing when it is as it was: a lease may be
/// renewed every few seconds.
private func announce(_ lease: Lease?) {
  let text = lease.map { describe($0) } ?? "net: address given up"
  let bytes = Array(text.utf8)
  guard unsafe bytes != lastAnnouncement else { return }
  unsafe lastAnnouncement = bytes
  Console.print(text)
}

private func announce(_ interface: InterfaceInformation, isThere: Bool) {
  guard isThere else {
    Console.print(
      "net: no network device; give QEMU one: -device virtio-net-pci, or"
        + " virtio-net-device on a microvm"
    )
    return
  }
  Console.print(
    "net: \(interface.driver), \(interface.interrupts), MAC"
      + " \(describe(interface.macAddress))"
  )
  Console.write("net: features")
  for feature in interface.features {
    Console.write(byte: 0x20)
    Console.write(feature)
  }
  Console.write(byte: 0x0A)
}
