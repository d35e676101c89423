/// What a DHCP server knows an interface of this machine by, in option 61.
/// RFC 4361 §6.1.
///
///     | 255 | interface: 4 | DUID type 3: 2 | Ethernet 1: 2 | address: 6 |
///
/// The machine is named by one of its hardware addresses (DUID-LL, RFC 8415
/// §11.4), because that is all that is the same after the next start.
struct ClientIdentifier: Hashable, Sendable {
  /// The value of the option.
  let bytes: [UInt8]

  /// - Parameters:
  ///   - machine: the hardware address that all interfaces of the machine name
  ///     it by.
  ///   - interface: tells them apart (IAID).
  init(machine: MACAddress, interface: UInt32) {
    var bytes: [UInt8] = [255]
    for shift in [24, 16, 8, 0] as [UInt32] {
      bytes.append(UInt8(truncatingIfNeeded: interface >> shift))
    }
    bytes += [0, 3, 0, 1]
    for shift in [40, 32, 24, 16, 8, 0] as [UInt64] {
      bytes.append(UInt8(truncatingIfNeeded: machine.bits >> shift))
    }
    self.bytes = bytes
  }
}
