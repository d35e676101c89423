import Fuzzing

/// A datagram whose every byte follows from its identification and the byte's
/// place, so that whoever gets it knows what it has to be: UDP to the socket
/// from a port that is the identification, an echo request, or TCP to nobody.
struct DatagramInParts {
  static let headerSize = 8
  private static let udp: UInt8 = 17

  let protocolNumber: UInt8
  /// Of few, so that they meet.
  let identification: Int
  let source: [UInt8]
  /// The bytes behind the IP header.
  let size: Int

  init(_ input: Input) {
    protocolNumber = [Self.udp, Self.udp, 1, 6][input.index(below: 4)]
    identification = 2000 + input.index(below: 12)
    source = [10, 0, 0, 2 + UInt8(input.index(below: 3))]
    let scale = [4, 8, 8, 16, 40, 257][input.index(below: 6)]
    size = min(Self.headerSize + 1 + Int(input.byte()) * scale, 65_515)
  }

  /// Whether a datagram may hold this byte: the right one or the forged.
  static func mayHold(
    _ byte: UInt8,
    at offset: Int,
    of identification: Int
  ) -> Bool {
    let right = pattern(identification, offset)
    return byte == right || byte == ~right
  }

  private static func pattern(_ identification: Int, _ offset: Int) -> UInt8 {
    UInt8(
      truncatingIfNeeded: identification &* 31 &+ offset &* 7 &+ offset >> 8
    )
  }

  /// The bytes of a part, also of one behind the end.
  func bytes(_ range: Range<Int>, isForged: Bool) -> [UInt8] {
    var bytes = range.map { offset in
      let byte = Self.pattern(identification, offset)
      return isForged ? ~byte : byte
    }
    for (place, byte) in header.enumerated() where range.contains(place) {
      bytes[place - range.lowerBound] = byte
    }
    return bytes
  }

  /// The first bytes, without a checksum where there may be none.
  private var header: [UInt8] {
    var header = [UInt8](repeating: 0, count: Self.headerSize)
    switch protocolNumber {
    case Self.udp:
      set16(&header, 0, identification)
      set16(&header, 2, 7)
      set16(&header, 4, size)
    case 1:
      header[0] = 8
      // The echo's checksum: the sum of all that follows.
      var total = 0x0800
      for offset in Self.headerSize..<size {
        let byte = Int(Self.pattern(identification, offset))
        total += offset & 1 == 0 ? byte << 8 : byte
      }
      set16(&header, 2, complement(total))
    default:
      set16(&header, 0, identification)
      set16(&header, 2, 9)
    }
    return header
  }
}
