import Net
import PCI
import Packets
import Virtio

/// Where Virtio meets the random source: the entropy device that was found.
struct EntropySource: EntropyProvider, ~Copyable {
  typealias Device = EntropyDevice<PCITransport<Machine>>

  /// The one buffer of the device. It outlives the device, as it must, because
  /// it is the machine's.
  private static let pool = PacketPool(capacity: 1, slotSize: 128)

  private var device: Device

  /// Starts the first entropy device that can be driven; says on the console
  /// why, if one cannot.
  static func start(_ assignment: AddressAssignment) -> EntropySource? {
    for entry in assignment.entries where isEntropyDevice(entry.function) {
      do throws(VirtioError) {
        return EntropySource(device: try start(entry, assignment))
      } catch {
        let name = describe(entry.function.address)
        Console.write("random: PCI function ")
        Console.print("\(name) cannot be driven: \(describe(error))")
      }
    }
    return nil
  }

  /// VIRTIO 1.2 §4.1.2 and §5.4.1: vendor 0x1AF4; an entropy device's id is
  /// 0x1044, or 0x1005 when it is transitional or legacy.
  private static func isEntropyDevice(_ function: PCIFunction) -> Bool {
    function.vendor == 0x1AF4
      && (function.device == 0x1044 || function.device == 0x1005)
  }

  private static func start(
    _ entry: AddressAssignment.Entry,
    _ assignment: AddressAssignment
  ) throws(VirtioError) -> Device {
    let machine = Machine()
    assignment.enable(entry.function, machine)
    // It is looked at and need not interrupt, nor pull a line that another
    // device may share.
    let space = ConfigurationSpace(
      host: machine,
      address: entry.function.address
    )
    space.command = space.command.union(.interruptDisable)
    return try Device.start(
      PCITransport(machine, entry, hasVectors: false),
      pool: pool
    )
  }

  private static func describe(_ address: FunctionAddress) -> String {
    "\(address.bus):\(address.device).\(address.function)"
  }

  private static func describe(_ error: VirtioError) -> StaticString {
    switch error {
    case .unsupported: "a register that it must have is missing"
    case .resetFailed: "it does not come out of its reset"
    case .featuresRefused: "it refuses the features that the driver chose"
    case .badQueue: "its queue is missing or of an impossible size"
    case .noVector: "it refuses a vector that nobody gave it"
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
