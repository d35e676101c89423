import CPU
import Net
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
      random: { RandomSource.next() },
      nanoseconds: { Clock.now.nanoseconds }
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

  let origin = RandomSource.initialize()
  Console.write("random: ")
  Console.print(origin.name)
  phases.finish("random")
  Console.print("memory: \(map.byteCount >> 20) MiB usable")
  Power.off(.orderly)
}
