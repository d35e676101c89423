/// How a device reaches our memory.
public protocol AddressMapping {
  /// The address by which the device reaches the `byteCount` bytes of our
  /// memory at `address`.
  func deviceAddress(of address: UInt, byteCount: Int) -> UInt64
}
