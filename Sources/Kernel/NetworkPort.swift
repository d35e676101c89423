import Apus
import BasicContainers
import Net
import Packets
import Virtio

/// One network that the machine is on: the device, as long as there is one, and
/// which of the host's interfaces it drives. That outlives the device.
final class NetworkPort {
  let host: Host
  /// Which it is, from 0 on.
  let number: Int
  private var interface: NetworkInterface?
  /// The largest IP packet of the interface.
  private let mtu: Int
  /// The slot of bus 0 that the last device was in.
  private var slot: UInt8?
  /// Tells of each packet, if that was asked for.
  private let trace: PacketTrace?
  /// What the console said last of the address.
  private var lastAnnouncement: [UInt8] = []

  /// Interface `number` of `host`, driven by `interface`, if that is given.
  init(
    _ number: Int,
    of host: Host,
    _ interface: consuming NetworkInterface?,
    _ trace: PacketTrace?
  ) {
    self.host = host
    self.number = number
    mtu = host.interfaces[number].mtu
    self.trace = trace
    slot = interface?.slot
    host.setLink(
      up: interface?.isLinkUp ?? false,
      on: number,
      at: Clock.now
    )
    self.interface = consume interface
    self.interface?.number = number
    self.interface?.trace = trace
    // One that comes later has missed what was joined before.
    if !host.groupHardware.isEmpty { receiveGroups() }
    announce(host.interfaces[number])
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
    host.interfaces[number].macAddress == address
  }

  /// Lets the device go: the link is down, and connections wait.
  ///
  /// - Returns: The buffers that it received into; `nil` when there was none,
  ///   or when it does not come to rest and may write there.
  func detach(at now: Instant) -> ReceiveMemory? {
    guard let interface = interface.take() else { return nil }
    let memory = end(interface)
    host.setLink(up: false, on: number, at: now)
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
    interface.number = number
    interface.trace = trace
    let address = host.interfaces[number].macAddress
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
    host.interfaces[number] = information
    host.setCapabilities(interface.capabilities, on: number)
    let isUp = interface.isLinkUp
    slot = interface.slot
    interface.receiveGroups(of: host)
    self.interface = consume interface
    announce(information)
    host.setLink(up: isUp, on: number, at: now)
    return nil
  }

  /// Stops `interface`, which is not, or not any more, the port's.
  ///
  /// - Returns: Its buffers; `nil` when it may still write there.
  func end(_ interface: consuming NetworkInterface) -> ReceiveMemory? {
    let memory = interface.receiveMemory
    do throws(VirtioError) {
      try interface.stop()
      return memory
    } catch {
      Console.print("\(name): the device does not come to rest")
      return nil
    }
  }

  // MARK: The loop

  /// Hands the host what the device has.
  func receive(at now: Instant) { interface?.receive(into: host, at: now) }

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
  }

  /// Has the device pass on frames to the groups that are joined.
  func receiveGroups() { interface?.receiveGroups(of: host) }

  /// How much the device was used.
  var use: InterfaceUse { interface?.use ?? InterfaceUse() }

  /// Adds what the device counts.
  func append(to counters: inout [Counter]) {
    interface?.forEachCounter {
      counters.append(Counter($0, $2, interface: number, pair: $1))
    }
    if let received = interface?.receiveMemory.pool {
      // Those that wait in the device are.
      counters.append(
        Counter(
          "memory: receive buffers in use",
          UInt64(received.capacity - received.available),
          interface: number
        )
      )
    }
  }

  // MARK: The console

  /// What its lines begin with.
  var name: String { NetworkOptions.name(number) }

  /// Says what went through the device.
  func summarise() {
    guard let summary = interface?.summary else { return }
    Console.print("\(name): \(summary)")
  }

  /// Says which address is bound; nothing when it is as it was: a lease may be
  /// renewed every few seconds.
  func announce(_ lease: Lease?) {
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
