/// The configuration of a network device. VIRTIO 1.2 §5.1.4.
extension NetworkDeviceModel {
  /// A byte of the device's configuration. §5.1.4.
  func configuration(_ offset: Int) -> UInt8 {
    if unsteadyReadsLeft > 0 {
      unsteadyReadsLeft -= 1
      generation &+= 1
      return UInt8(truncatingIfNeeded: unsteadyReadsLeft)
    }
    switch offset {
    case 0..<6:
      if build.offered & 1 << 5 == 0 { object(.configurationNotOffered) }
      return build.macAddress[offset]
    case 6, 7:
      if build.offered & 1 << 16 == 0 { object(.configurationNotOffered) }
      return UInt8(truncatingIfNeeded: linkStatus >> UInt16(8 * (offset - 6)))
    case 10, 11:
      if build.offered & 1 << 3 == 0 { object(.configurationNotOffered) }
      return UInt8(truncatingIfNeeded: build.mtu >> UInt16(8 * (offset - 10)))
    default:
      object(.configurationNotOffered)
      return 0
    }
  }

  /// Reads a field of the configuration as wide as it is.
  func configuration(_ offset: Int, width: Int) -> UInt32 {
    // §4.1.3.1: the address is six fields of a byte, the rest are of two.
    if width != (offset < 6 ? 1 : 2) { object(.wrongWidth) }
    return (0..<width).reduce(0) {
      $0 | UInt32(configuration(offset + $1)) << UInt32(8 * $1)
    }
  }
}
