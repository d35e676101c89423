import Apus
import CPU
import Net
import PCI
import Packets
import Runtime
import _Concurrency

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
  let devices = VirtioDevices(
    functions,
    assignment,
    readTables(map),
    commandLine: map.readCommandLine()
  )
  phases.finish("acpi")
  RandomSource.add(EntropySource.start(devices))
  phases.finish("entropy device")

  let networks = Networks(
    devices,
    functions,
    memory: Int(map.byteCount),
    commandLine: map.readCommandLine()
  )
  phases.finish("network")

  let end = runApp(networks, &phases)
  for port in networks.ports { port.summarise() }
  switch end {
  case .returned: Power.off(.orderly)
  case .threw(let error):
    Console.print("app: run threw .\(error.name)")
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

/// Starts what the machine does beside the app.
private func startServices(_ networks: Networks) {
  let host = networks.host
  let names = MulticastDNSService(host: host, hostName: networks.hostName)
  let services = SystemServices(
    host: host,
    beside: { await names.run($0, on: $1) }
  )
  host.services = Task { await services.run() }
}

/// Starts the app on the host of all networks, and runs it until it ends.
private func runApp(
  _ networks: Networks,
  _ phases: inout BootPhases
) -> Host.AppEnd {
  Host.install(networks.host)
  startServices(networks)
  boot_start_app()
  phases.finish("app")
  return EventLoop(networks).run()
}
