import Packets
import Testing

@testable import Net

@Suite struct DHCPOptionsTests {
  /// A message with these three fields.
  private func message(
    _ options: [UInt8],
    file: [UInt8] = [],
    name: [UInt8] = []
  ) -> [UInt8] {
    let empty = [UInt8](repeating: 0, count: 240)
    return empty.replacing(at: 44, with: name).replacing(at: 108, with: file)
      + options
  }

  private func gather(
    _ options: [UInt8],
    file: [UInt8] = [],
    name: [UInt8] = []
  ) throws(DropReason) -> DHCPOptions {
    let bytes = message(options, file: file, name: name)
    return try DHCPOptions(gathering: bytes.rawBytes)
  }

  @Test func parts_areJoined_overAllThreeFields_inTheirOrder() throws {
    // RFC 3396 §5: options, then file, then sname.
    let options = try gather(
      hex("77 02 0161 34 01 03 77 00 77 02 6263 ff"),
      file: hex("77 01 64 00 ff 77 01 ee"),
      name: hex("77 03 656667 ff")
    )
    #expect(options[119] == hex("0161 6263 64 656667"))
    #expect(options[52] == [3])
    #expect(options[15] == nil)
  }

  @Test func partsOfOtherOptions_mayStandBetween() throws {
    let options = try gather(hex("79 01 aa 0f 01 78 79 01 bb ff"))
    #expect(options[121] == [0xAA, 0xBB])
    #expect(options[15] == [0x78])
  }

  @Test func longValue_isWhole() throws {
    let value = (0..<600).map { UInt8(truncatingIfNeeded: $0) }
    var bytes: [UInt8] = []
    for start in stride(from: 0, to: 600, by: 255) {
      let part = value[start..<min(start + 255, 600)]
      bytes += [121, UInt8(part.count)] + part
    }
    #expect(try gather(bytes)[121] == value)
  }

  @Test func whatNobodyReads_isNotKept() throws {
    let options = try gather(hex("0c 01 61 e0 03 010203 0f 00 ff 0f 01 61"))
    #expect(options[12] == nil)
    #expect(options[224] == nil)
    // Nothing of it is no value, but an option all the same.
    #expect(options[15] == [])
  }

  @Test(
    arguments: [
      ([1], [0x0F, 1, 0x66], [0x0F, 1, 0x6E], [0x66]),
      ([2], [0x0F, 1, 0x66], [0x0F, 1, 0x6E], [0x6E]),
      ([3], [0x0F, 1, 0x66], [0x0F, 1, 0x6E], [0x66, 0x6E]),
      // Neither field can ask for more.
      ([1], [0x34, 1, 2], [0x0F, 1, 0x6E], nil),
    ] as [([UInt8], [UInt8], [UInt8], [UInt8]?)]
  )
  func overload(
    _ overload: [UInt8],
    _ file: [UInt8],
    _ name: [UInt8],
    _ expected: [UInt8]?
  ) throws {
    let options = try gather(
      [52, 1] + overload + [255],
      file: file,
      name: name
    )
    #expect(options[15] == expected)
  }

  @Test(
    arguments: [
      "77", "77 02 01", "34 01 00", "34 01 04", "34 02 0101", "34 00",
      "34 01 01 34 01 01",  // joined, it is two bytes
      "00 00 77",
    ]
  )
  func malformed_isRefused(_ wire: String) {
    #expect(throws: DropReason.dhcpOptionMalformed) { try gather(hex(wire)) }
  }

  @Test func optionThatLeavesItsField_isRefused() {
    #expect(throws: DropReason.dhcpOptionMalformed) {
      try gather(
        hex("34 01 01 ff"),
        file: [UInt8](repeating: 0, count: 126) + [15, 1]
      )
    }
    #expect(throws: DropReason.dhcpOptionMalformed) {
      try gather(
        hex("34 01 02 ff"),
        name: [UInt8](repeating: 0, count: 62) + [15, 1]
      )
    }
  }

  @Test(arguments: 0..<8 as Range<UInt64>)
  func noise_neverTraps(_ seed: UInt64) {
    var numbers = RandomNumbers(seed: SipHash.Key(seed, 3396))
    var whole = 0
    for _ in 0..<2000 {
      let codes: [UInt8] = [0, 1, 52, 53, 119, 121, 255, 12]
      var options: [UInt8] = []
      for _ in 0..<(numbers.next() % 8) {
        options.append(codes[Int(numbers.next() % 8)])
        options.append(UInt8(numbers.next() % 4))
        options.append(UInt8(truncatingIfNeeded: numbers.next()))
      }
      if (try? gather(options)) != nil { whole += 1 }
    }
    #expect(whole > 100 && whole < 1900, "seed \(seed): \(whole)")
  }
}
