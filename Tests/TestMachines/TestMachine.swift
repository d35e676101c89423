import Apus
import Net
import Packets

/// A machine without hardware: a host with its pool, driven as the kernel's
/// loop drives one.
///
/// `@unchecked Sendable` rests on the one thread of ``TestNetwork``.
public final class TestMachine: @unchecked Sendable {
  /// The packets of its device and stack.
  public let pool: PacketPool
  /// The host that its app runs on.
  public let host: Host
  /// The address that it has.
  public let address: IPv4Address

  /// What an app is given.
  public var system: System { System(host: host) }

  init(
    _ configuration: StackConfiguration,
    address: IPv4Address,
    packets: Int,
    clock: TestClock
  ) {
    let pool = PacketPool(capacity: packets)
    self.pool = pool
    self.address = address
    host = Host(
      stack: Stack(configuration, pool: pool, at: clock.now),
      interface: InterfaceInformation(
        driver: "a made-up wire",
        interrupts: "none",
        features: ["TEST_A", "TEST_B"],
        macAddress: configuration.macAddress
      ),
      commandLine: "",
      clock: { clock.now }
    )
  }

  /// Adds an interface with `lease`, on a link with nobody else.
  ///
  /// - Returns: Its number.
  public func addInterface(_ lease: Lease) -> Int {
    let hardware = MACAddress(0x02, 0, 0, 0, 1, UInt8(host.interfaces.count))
    var configuration = InterfaceConfiguration(macAddress: hardware)
    configuration.addressing = .fixed(lease)
    return host.addInterface(
      configuration,
      InterfaceInformation(
        driver: "a link with nobody else",
        interrupts: "none",
        features: [],
        macAddress: hardware
      ),
      at: host.now
    )
  }

  /// The endpoint of `port` on this machine.
  public func endpoint(_ port: UInt16) -> Endpoint {
    Endpoint(address: address, port: port)
  }

  /// Takes in a frame, or drops it when no packet is free, as a device would.
  func receive(_ frame: [UInt8], at now: Instant) {
    guard var packet = pool.allocate(headroom: 12) else { return }
    packet.append(copying: frame.rawBytes)
    host.receive(packet, at: now)
  }

  /// The next frame to send. On the links with nobody else they are lost.
  func transmit(at now: Instant) -> [UInt8]? {
    for number in host.interfaces.indices.dropFirst() {
      while host.transmit(on: number, at: now) != nil {}
    }
    guard let packet = host.transmit(at: now) else { return nil }
    let bytes = packet.bytes
    return (0..<bytes.byteCount).map { bytes.byte(at: $0) }
  }
}
