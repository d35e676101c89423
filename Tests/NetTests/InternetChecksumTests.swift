import Net
import Packets
import Testing

@Suite struct InternetChecksumTests {
  private func value(_ bytes: [UInt8]) -> UInt16 {
    var checksum = InternetChecksum()
    checksum.add(bytes.raw)
    return checksum.value
  }

  @Test func exampleOfRFC1071() {
    // §3: the sum is ddf2, and the checksum its complement.
    #expect(value(hex("0001 f203 f4f5 f6f7")) == ~0xDDF2)
  }

  @Test(arguments: [
    ("", 0xFFFF as UInt16),
    ("00", 0xFFFF),
    ("01", 0xFEFF),
    ("0102", 0xFEFD),
    ("010203", 0xFBFD),
    ("ffff", 0x0000),
    ("ffff0001", 0xFFFE),
    ("ffffffffffffffff", 0x0000),
    ("ffffffffffffffff01", 0xFEFF),
  ])
  func literal(_ bytes: String, _ expected: UInt16) {
    #expect(value(hex(bytes)) == expected)
  }

  @Test func realHeader_sumsToZero() {
    let header = hex("4500 0073 0000 4000 4011 b861 c0a8 0001 c0a8 00c7")
    #expect(value(header) == 0)
    #expect(value(header.replacing(at: 10, with: [0, 0])) == 0xB861)
  }

  @Test(arguments: 0..<70)
  func everySize_asWordByWord(_ size: Int) {
    var numbers = RandomNumbers(seed: SipHash.Key(UInt64(size), 7))
    let bytes = (0..<size).map { _ in
      UInt8(truncatingIfNeeded: numbers.next())
    }
    #expect(value(bytes) == checksum(bytes), "\(text(bytes))")
  }

  @Test func largestDatagram_doesNotOverflow() {
    let bytes = [UInt8](repeating: 0xFF, count: 65535)
    #expect(value(bytes) == checksum(bytes))
  }

  /// Cut anywhere, also at odd places, the sum is that of the whole.
  @Test(arguments: 1...50 as ClosedRange<UInt64>)
  func pieces_areAsTheWhole(seed: UInt64) {
    var numbers = RandomNumbers(seed: SipHash.Key(seed, 8))
    let bytes = (0..<Int.random(in: 0..<600, using: &numbers)).map { _ in
      UInt8(truncatingIfNeeded: numbers.next())
    }
    var sum = InternetChecksum()
    var rest = bytes[...]
    var cuts: [Int] = []
    while !rest.isEmpty {
      let count = Int.random(in: 0...min(rest.count, 90), using: &numbers)
      sum.add(Array(rest.prefix(count)).raw)
      rest = rest.dropFirst(count)
      cuts.append(count)
    }
    #expect(sum.value == checksum(bytes), "seed \(seed), cut in \(cuts)")
  }

  @Test func pseudoHeader_isAsItsBytes() {
    var checksum = InternetChecksum()
    checksum.addPseudoHeader(
      source: IPAddress(IPv4Address(10, 0, 2, 15)),
      destination: IPAddress(.broadcast),
      protocol: 17,
      length: 65535
    )
    checksum.add(0x1234 as UInt16)
    #expect(checksum.value == value(hex("0a00020f ffffffff 0011 ffff 1234")))
  }
}
