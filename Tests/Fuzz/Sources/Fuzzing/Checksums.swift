/// What a fuzzer has to get right of a frame before anybody looks at the rest.

/// Writes a number of two bytes.
public func set16(_ bytes: inout [UInt8], _ offset: Int, _ value: Int) {
  bytes[offset] = UInt8(truncatingIfNeeded: value >> 8)
  bytes[offset + 1] = UInt8(truncatingIfNeeded: value)
}

/// Writes a number of four bytes.
public func set32(_ bytes: inout [UInt8], _ offset: Int, _ value: UInt32) {
  set16(&bytes, offset, Int(value >> 16))
  set16(&bytes, offset + 2, Int(value & 0xFFFF))
}

/// The sum of RFC 1071, without the carry.
public func sum(_ bytes: some Collection<UInt8>) -> Int {
  var sum = 0
  for (offset, byte) in bytes.enumerated() {
    sum += offset & 1 == 0 ? Int(byte) << 8 : Int(byte)
  }
  return sum
}

/// The checksum of what has this sum.
public func complement(_ sum: Int) -> Int {
  var sum = sum
  while sum > 0xFFFF { sum = (sum & 0xFFFF) + (sum >> 16) }
  return ~sum & 0xFFFF
}

/// An Ethernet frame of an IPv4 datagram from `source` to `destination`, with
/// the checksums of its header and, where `field` says, of its body.
public func makeFrame(
  ethernet: [UInt8],
  from source: [UInt8],
  to destination: [UInt8],
  protocol number: UInt8,
  service: UInt8 = 0,
  fragment: Int = 0,
  field: Int? = nil,
  _ content: [UInt8]
) -> [UInt8] {
  var body = content
  var header: [UInt8] = [0x45, service, 0, 0, 0, 1, 0, 0, 64, number, 0, 0]
  header += source + destination
  set16(&header, 2, header.count + body.count)
  set16(&header, 6, fragment)
  set16(&header, 10, complement(sum(header)))
  if let field, body.count >= field + 2 {
    set16(&body, field, 0)
    var total = sum(body)
    // RFC 9293 §3.1, RFC 768: the pseudo-header.
    if number != 1 { total += sum(header[12...]) + Int(number) + body.count }
    set16(&body, field, complement(total))
  }
  return ethernet + header + body
}
