import Net
import PCI
import Virtio

// How values are written on the console.

/// `value` in `digits` hexadecimal digits.
func hexadecimal(_ value: UInt16, _ digits: Int) -> String {
  let text = String(value, radix: 16)
  let zeros = digits - text.utf8.count
  return zeros > 0 ? String(repeating: "0", count: zeros) + text : text
}

/// Such as `pci: 00:03.0 1af4:1000 Ethernet controller`.
func describe(_ function: PCIFunction) -> String {
  let address = function.address
  return "pci: \(hexadecimal(UInt16(address.bus), 2))"
    + ":\(hexadecimal(UInt16(address.device), 2)).\(address.function)"
    + " \(hexadecimal(function.vendor, 4)):\(hexadecimal(function.device, 4))"
    + " \(function.className)"
}

/// Such as `10.0.2.15`.
func describe(_ address: IPv4Address) -> String {
  let bits = address.bits
  return
    "\(bits >> 24).\(bits >> 16 & 0xFF).\(bits >> 8 & 0xFF).\(bits & 0xFF)"
}

/// Such as `52:54:00:12:34:56`.
func describe(_ address: MACAddress) -> String {
  var text = hexadecimal(UInt16(address.octet(0)), 2)
  for index in 1..<6 {
    text += ":" + hexadecimal(UInt16(address.octet(index)), 2)
  }
  return text
}

/// Such as `bound 10.0.2.15/24 gateway 10.0.2.2 dns 10.0.2.3 lease 86400
/// s`, on one line; what the server did not say is left out. Programs read
/// this: docs/console.md.
func describe(_ lease: Lease) -> String {
  var text = "bound \(describe(lease.address))/\(lease.prefixLength)"
  if let gateway = lease.gateway { text += " gateway \(describe(gateway))" }
  for server in lease.nameServers { text += " dns \(describe(server))" }
  if let seconds = lease.seconds { text += " lease \(seconds) s" }
  return text
}

/// Such as `0xfeb00e00`.
func describe(_ place: MMIOPlace) -> String {
  "0x\(String(place.registers.lowerBound, radix: 16))"
}

/// Why a device cannot be driven.
func describe(_ error: VirtioError) -> StaticString {
  switch error {
  case .unsupported: "a register that it must have is missing"
  case .resetFailed: "it does not come out of its reset"
  case .featuresRefused: "it refuses the features that the driver chose"
  case .badQueue: "a queue is missing or of an impossible size"
  case .noVector: "it can interrupt neither by MSI-X nor by a line"
  }
}
