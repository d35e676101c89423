import Apus
import Net
import Packets
import Runtime
import Virtio

/// Devices and the host, as they begin.
extension Networks {
  /// Whether there is memory for one port more: its packets, and as much again
  /// for all else.
  private static func hasMemory(forOneOf memory: Int) -> Bool {
    let heap = MachineHeap.statistics
    return heap.capacity - heap.bytesInUse
      >= 2 * NetworkMemory.packets(of: memory)
  }

  /// Starts `device` for port `number`; with the buffers `old`, if those fit or
  /// there is no memory for others. Each goes by `memory`.
  static func start(
    _ device: FoundDevice,
    _ devices: VirtioDevices,
    memory: Int,
    _ options: NetworkOptions,
    number: Int,
    reusing old: ReceiveMemory?
  ) -> NetworkInterface? {
    let hasMemory = hasMemory(forOneOf: memory)
    guard hasMemory || old != nil else {
      Console.print("net: \(device.name) is not used: there is no memory left")
      return nil
    }
    var settings = NetworkSettings(
      receiveMemory: NetworkMemory.packets(of: memory) / 2,
      randomBits: RandomSource.next(),
      vectors: nil
    )
    settings.queuePairs = options.queuePairs
    settings.reportsHashes = options.reportsHashes
    if number == 0 { settings.vlan = options.vlan }
    return NetworkInterface.start(
      device,
      devices,
      settings,
      reusing: old,
      hasMemory ? .ifItFits : .always
    )
  }

  /// What there is to say of an interface without a device. Its address is for
  /// one that may come later.
  static var noDevice: InterfaceInformation {
    InterfaceInformation(
      driver: "none",
      interrupts: "none",
      features: [],
      macAddress: MACAddress(localBits: RandomSource.next())
    )
  }

  /// What the stack is told of interface `number`.
  static func configuration(
    _ number: Int,
    _ information: InterfaceInformation,
    _ options: NetworkOptions
  ) -> InterfaceConfiguration {
    var configuration = InterfaceConfiguration(
      macAddress: information.macAddress
    )
    configuration.mtu = information.mtu
    let addresses = options.addresses(of: number)
    if let lease = addresses.lease { configuration.addressing = .fixed(lease) }
    configuration.rememberedAddress = addresses.remembered
    return configuration
  }

  /// The host, with its first interface.
  static func makeHost(
    _ interface: InterfaceConfiguration,
    _ information: InterfaceInformation,
    memory: Int,
    hostName: [UInt8],
    commandLine: String
  ) -> Host {
    let pool = makePool(memory: memory, mtu: interface.mtu)
    var configuration = StackConfiguration(
      interface,
      seed: RandomSource.key()
    )
    configuration.tcpLimits = TCPLimits(memory: memory)
    configuration.tcpLimits.firstPackets = pool.capacity / 4
    configuration.hostName = hostName
    return Host(
      stack: Stack(configuration, pool: pool, at: Clock.now),
      interface: information,
      commandLine: commandLine,
      clock: { Clock.now }
    )
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
      slotSize: slotSize,
      smallSlots: NetworkMemory.smallSlots(of: memory)
    )
  }
}
