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
