import Fuzzing

/// Frames for 10.0.2.15, whose checksums hold: no fuzzer would guess them, and
/// nothing behind them would ever be reached.
enum Frame {
  enum Kind {
    case raw, arp, icmp, udp, dhcp, tcp, ip

    init(_ number: UInt8) {
      switch number {
      case 0: self = .raw
      case 1: self = .arp
      case 2: self = .icmp
      case 3: self = .udp
      case 4: self = .dhcp
      case 5, 6: self = .tcp
      default: self = .ip
      }
    }
  }
}

/// A frame of this kind with up to 255 bytes that the input says.
func makeFrame(_ input: Input, _ kind: Frame.Kind) -> [UInt8] {
  var body = (0..<Int(input.byte())).map { _ in input.byte() }
  if kind == .raw { return body }
  let own: [UInt8] = [0x52, 0x54, 0x00, 0x12, 0x34, 0x56]
  let other: [UInt8] = [0x52, 0x55, 0x0A, 0x00, 0x02, 0x02]
  if kind == .arp {
    // Hardware and protocol are right; operation and addresses are not yet.
    return own + other + [0x08, 0x06, 0, 1, 8, 0, 6, 4] + body
  }
  var number: UInt8 = 0
  var field: Int?
  switch kind {
  case .icmp: (number, field) = (1, 2)
  case .udp, .dhcp: (number, field) = (17, 6)
  case .tcp: (number, field) = (6, 16)
  case .raw, .arp, .ip: number = body.first ?? 0
  }
  setHeader(kind, &body)
  return makeFrame(
    ethernet: own + other + [0x08, 0x00],
    from: [10, 0, 2, 2],
    to: [10, 0, 2, 15],
    protocol: number,
    field: field,
    body
  )
}

/// Puts right what of the layer above IP would be refused at once.
private func setHeader(_ kind: Frame.Kind, _ body: inout [UInt8]) {
  let ports: (Int, Int)? =
    switch kind {
    case .tcp, .udp: (4000, 7)
    case .dhcp: (67, 68)
    case .raw, .arp, .icmp, .ip: nil
    }
  guard let ports, body.count >= 8 else { return }
  set16(&body, 0, ports.0)
  set16(&body, 2, ports.1)
  if kind != .tcp { set16(&body, 4, body.count) }
}
