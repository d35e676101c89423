import PCI
import Virtio

/// The virtio devices of the machine: on PCI, and those that ACPI or the kernel
/// command line tell of.
struct VirtioDevices {
  /// Those that have a driver here, in the order they were found.
  private(set) var devices: [FoundDevice] = []
  /// Where the registers of those on PCI are.
  private(set) var assignment: AddressAssignment
  /// The way of lines of functions that come while the machine runs.
  private let router: PIIX3Router?

  /// Finds those on PCI, at `places`, and on the command line.
  init(
    _ functions: [PCIFunction],
    _ assignment: AddressAssignment,
    _ told: [MMIOPlace],
    commandLine: String
  ) {
    self.assignment = assignment
    router = PIIX3Router(functions)
    for entry in assignment.entries {
      if let kind = Self.kind(entry.function) {
        devices.append(FoundDevice(place: .function(entry), kind: kind))
      }
    }
    let line = MMIOCommandLine(commandLine)
    for problem in line.problems { Console.print(problem) }
    var seen: [MMIOPlace] = []
    for place in told + line.places {
      // Both may tell of the same one.
      if seen.contains(where: { $0.registers == place.registers }) { continue }
      if seen.contains(where: { $0.registers.overlaps(place.registers) }) {
        Console.print("mmio: \(describe(place)) overlaps another: ignored")
        continue
      }
      seen.append(place)
      add(place)
    }
  }

  /// Finds what has come in `slot` of bus 0 while the machine ran; what is no
  /// network device is not in use then.
  mutating func add(slot: UInt8) -> [FoundDevice] {
    var functions = enumerate(Machine(), bus: 0, device: slot)
    if let router {
      for function in functions { router.assignLine(function) }
      functions = enumerate(Machine(), bus: 0, device: slot)
    }
    assignment.remove(bus: 0, device: slot)
    assignment.add(functions, Machine())
    var found: [FoundDevice] = []
    for function in functions {
      Console.print(describe(function))
      guard let kind = Self.kind(function),
        let entry = assignment.entries.first(where: {
          $0.function.address == function.address
        })
      else { continue }
      found.append(FoundDevice(place: .function(entry), kind: kind))
    }
    devices += found.filter { $0.kind == .network }
    return found
  }

  /// Forgets what was in `slot` of bus 0.
  mutating func remove(slot: UInt8) {
    devices.removeAll { $0.slot == slot }
    assignment.remove(bus: 0, device: slot)
  }

  /// Whether there is a device with a driver in `slot`, other than of `kind`.
  func isInUse(slot: UInt8, besides kind: FoundDevice.Kind) -> Bool {
    devices.contains { $0.slot == slot && $0.kind != kind }
  }

  /// VIRTIO 1.2 §4.1.2: vendor 0x1AF4; the id is 0x1040 and the kind, or, when
  /// it is transitional or legacy, one of those before.
  private static func kind(_ function: PCIFunction) -> FoundDevice.Kind? {
    guard function.vendor == 0x1AF4 else { return nil }
    switch function.device {
    case 0x1000: return .network
    case 0x1005: return .entropy
    case 0x1040...0x107F:
      return FoundDevice.Kind(rawValue: UInt32(function.device) - 0x1040)
    default: return nil
    }
  }

  private mutating func add(_ place: MMIOPlace) {
    let name = describe(place)
    guard Memory.mapDevice(place.registers) else {
      Console.print("mmio: \(name) is not where a device can be: ignored")
      return
    }
    switch MMIODevice.find(at: place.registers, Machine()) {
    case .placeholder: return
    case .nothing: Console.print("mmio: \(name) is no virtio device: ignored")
    case .unknownVersion(let version):
      Console.print("mmio: \(name) is of unknown version \(version): ignored")
    case .device(let device):
      Console.print(
        "mmio: \(name) virtio device \(device.kind), interrupt"
          + " \(place.interrupt)"
      )
      if let kind = FoundDevice.Kind(rawValue: device.kind) {
        devices.append(
          FoundDevice(place: .memory(device, place), kind: kind)
        )
      }
    }
  }
}
