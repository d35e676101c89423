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
  /// why, if one cannot.
  static func start(_ devices: VirtioDevices) -> EntropySource? {
    for found in devices.devices where found.kind == .entropy {
      do throws(VirtioError) {
        let transport = try found.transportWithoutInterrupts(devices)
        return EntropySource(device: try Device.start(transport, pool: pool))
      } catch {
        Console.print(
          "random: \(found.name) cannot be driven: \(describe(error))"
        )
      }
    }
    return nil
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
