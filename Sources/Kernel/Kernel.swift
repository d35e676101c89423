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
  Clock.calibrate()
  var phases = BootPhases()
  phases.finish("memory", at: Clock.at(timestamp: memoryReady))
  phases.finish("clock")

  RandomSource.initialize()
  RandomSource.armStackProtector()
  phases.finish("random")
  Console.print("memory: \(map.byteCount >> 20) MiB usable")

  let functions = enumerate(Machine())
  for function in functions { Console.print(describe(function)) }
  let assignment = AddressAssignment(functions, Machine())
  if assignment.unplacedCount > 0 {
    Console.print("pci: no place for \(assignment.unplacedCount) registers")
  }
  phases.finish("pci")
  RandomSource.add(EntropySource.start(assignment))
  phases.finish("entropy device")

  let pool = PacketPool(capacity: packetCount(map))
  let interface = NetworkInterface.start(assignment, pool: pool)
  phases.finish("network device")

  let end = runApp(map, pool, interface, &phases)
  switch end {
  case .returned: Power.off(.orderly)
  case .threw(let error):
    Console.print("app: run threw .\(describe(error))")
    Power.off(.panic)
  }
}

/// How many packets there are: a quarter of the memory for the first 8 MiB of
/// them, which a small machine needs to hold its own against peers that do not
/// read, then an eighth, and no more than 32 MiB.
private func packetCount(_ map: MemoryMap) -> Int {
  let bytes = max(
    min(map.byteCount / 4, 8 << 20),
    min(map.byteCount / 8, 32 << 20)
  )
  return max(Int(bytes) / PacketPool.defaultSlotSize, 512)
}

/// Makes the stack, starts the app, and runs both until the app ends.
private func runApp(
  _ map: MemoryMap,
  _ pool: PacketPool,
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
      "net: no network device; give QEMU one: -device virtio-net-pci"
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
