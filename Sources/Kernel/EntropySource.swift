import Net
import PCI
import Packets
import Virtio

/// Where Virtio meets the random source: the entropy device that was found.
struct EntropySource: EntropyProvider, ~Copyable {
  typealias Device = EntropyDevice<DeviceTransport<Machine>>

  /// The one buffer of the device. It outlives the device, as it must, because
  /// it is the machine's.
  private static let pool = PacketPool(capacity: 1, slotSize: 128)

  private var device: Device

  /// Starts the first entropy device that can be driven; says on the console
  /// which not, and why.
  static func start(_ devices: VirtioDevices) -> EntropySource? {
    for device in devices.devices where device.kind == .entropy {
      do throws(VirtioError) {
        return EntropySource(
          device: try Device.start(
            transport(to: device, devices.assignment),
            pool: pool
          )
        )
      } catch {
        Console.print(
          "random: \(device.name) cannot be driven: \(describe(error))"
        )
      }
    }
    return nil
  }

  /// The way to the device, which need not interrupt: it is looked at. So no
  /// line is let through for it, and on PCI it may not pull the one that it
  /// perhaps shares.
  private static func transport(
    to device: FoundDevice,
    _ assignment: AddressAssignment
  ) throws(VirtioError) -> DeviceTransport<Machine> {
    let machine = Machine()
    switch device.place {
    case .memory(let device, _): return DeviceTransport(machine, device)
    case .function(let entry):
      for register in entry.registers where register.space == .memory {
        guard let range = register.range, range.upperBound > 1 << 32 else {
          continue
        }
        guard Memory.mapDevice(range) else { throw VirtioError.unsupported }
      }
      assignment.enable(entry.function, machine)
      let space = ConfigurationSpace(
        host: machine,
        address: entry.function.address
      )
      space.command = space.command.union(.interruptDisable)
      return try DeviceTransport(machine, entry, hasVectors: false)
    }
  }

  // MARK: Bytes

  /// Asks for bytes, which a later ``take(_:)`` finds.
  mutating func request() { device.request() }

  /// Lends what has come to `use`.
  mutating func take(_ use: (RawSpan) -> Void) -> EntropyAnswer {
    device.take(use)
  }

  /// The same, but waits for it until `isOver` says so.
  mutating func take(
    until isOver: () -> Bool,
    _ use: (RawSpan) -> Void
  ) -> EntropyAnswer {
    device.take(until: isOver, use)
  }
}
