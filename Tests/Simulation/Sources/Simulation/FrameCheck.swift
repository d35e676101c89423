/// Whether a frame that a machine sends is well formed.
package struct FrameCheck {
  let hardware: UInt64
  let address: UInt32
  let mtu: Int

  package init(hardware: UInt64, address: UInt32, mtu: Int) {
    self.hardware = hardware
    self.address = address
    self.mtu = mtu
  }

  package func check(_ frame: Frame) throws(Failure) {
    try require(frame.bytes.count >= 14, "\(frame.bytes.count) bytes")
    try require(frame.source == hardware, "from \(frame.source)")
    switch frame.etherType {
    case 0x0806: try checkARP(frame)
    case 0x0800: try checkIPv4(frame)
    default: throw Failure("a frame of type \(frame.etherType)")
    }
  }

  /// RFC 826.
  private func checkARP(_ frame: Frame) throws(Failure) {
    try require(frame.bytes.count == 42, "ARP in \(frame.bytes.count) bytes")
    try require(
      frame.long(14) == 0x0001_0800 && frame.word(18) == 0x0604,
      "ARP of other hardware or addresses"
    )
    try require(frame.hardware(22) == hardware, "ARP from another's hardware")
    // 0 in a probe, RFC 5227 §2.1.1.
    try require(
      [0, address].contains(frame.long(28)),
      "ARP from another's address"
    )
  }

  /// RFC 791 §3.1, RFC 1122 §3.2.1.
  private func checkIPv4(_ frame: Frame) throws(Failure) {
    try require(frame.isIPv4, "no IPv4 header")
    let header = frame.ipHeaderSize
    try require(header >= 20, "an IPv4 header of \(header) bytes")
    try require(
      frame.ipTotalLength == frame.bytes.count - Frame.ip,
      "\(frame.ipTotalLength) bytes in \(frame.bytes.count)"
    )
    try require(frame.ipTotalLength <= mtu, "\(frame.ipTotalLength) bytes")
    try require(
      frame.checksum(Frame.ip..<Frame.ip + header) == 0,
      "the IPv4 checksum is wrong"
    )
    try require(frame.bytes[Frame.ip + 8] > 0, "no time to live")
    try require(frame.ipSource == address, "from another's address")
    guard !frame.isFragment else { return }
    switch frame.ipProtocol {
    case 6: try checkTCP(frame)
    case 17:
      try require(
        frame.word(frame.tcp + 6) != 0 && frame.isTransportChecksumRight,
        "the UDP checksum is wrong"
      )
    case 1:
      try require(
        frame.checksum(frame.tcp..<frame.bytes.count) == 0,
        "the ICMP checksum is wrong"
      )
    default: break
    }
  }

  /// RFC 9293 §3.1.
  private func checkTCP(_ frame: Frame) throws(Failure) {
    try require(frame.isTCP, "a TCP header that is cut short")
    try require(
      frame.tcpHeaderSize >= 20 && frame.tcpPayloadSize >= 0,
      "a TCP header of \(frame.tcpHeaderSize) bytes"
    )
    try require(frame.isTransportChecksumRight, "the TCP checksum is wrong")
    try require(frame.bytes[frame.tcp + 12] & 15 == 0, "reserved bits")
    try require(frame.word(frame.tcp) != 0, "from port 0")
    try require(frame.word(frame.tcp + 2) != 0, "to port 0")
    let flags = frame.tcpFlags
    try require(
      flags.contains(.ack) || flags.contains(.syn) || flags.contains(.rst),
      "a segment without ACK"
    )
    try require(
      flags.intersection([.syn, .fin, .rst]).rawValue.nonzeroBitCount <= 1,
      "flags \(flags.rawValue)"
    )
    try TCPOptionList(frame).check(isSYN: flags.contains(.syn))
  }
}
