import Virtio

/// Devices reach our memory by our addresses.
struct IdentityMapping: AddressMapping {
  func deviceAddress(of address: UInt, byteCount: Int) -> UInt64 {
    UInt64(address)
  }
}
