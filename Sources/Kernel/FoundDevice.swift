import PCI
import Virtio

/// A virtio device that was found, not started yet.
struct FoundDevice {
  /// Where it is.
  enum Place {
    /// On PCI.
    case function(AddressAssignment.Entry)
    /// In memory, on no bus.
    case memory(MMIODevice, MMIOPlace)
  }

  let place: Place
  /// What kind of device it is. VIRTIO 1.2 §5.
  let kind: Kind

  /// The kinds that have a driver here. VIRTIO 1.2 §5.
  enum Kind: UInt32 {
    case network = 1
    case entropy = 4
  }

  /// The slot of bus 0 that it is in, if it is in one.
  var slot: UInt8? {
    guard case .function(let entry) = place,
      entry.function.address.bus == 0
    else { return nil }
    return entry.function.address.device
  }

  /// The entries of its MSI-X table; `nil` without one.
  var vectorCount: Int? {
    guard case .function(let entry) = place else { return nil }
    return MSIX(Machine(), entry)?.vectorCount
  }

  /// How the console calls it.
  var name: String {
    switch place {
    case .function(let entry):
      let address = entry.function.address
      return
        "PCI function \(address.bus):\(address.device).\(address.function)"
    case .memory(_, let place): return "the device at \(describe(place))"
    }
  }
}
