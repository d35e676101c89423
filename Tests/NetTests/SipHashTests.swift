import Net
import Testing

/// The vectors of the reference code: the key is 00 01 .. 0f, the message of n
/// bytes is 00 01 .. n - 1.
@Suite struct SipHashTests {
  @Test(arguments: [
    (0, 0x726F_DB47_DD0E_0E31 as UInt64),
    (1, 0x93F5_F579_9A93_2462),
    (2, 0x3F2A_CC7F_57C2_9BDB),
    (3, 0xB8AD_50C6_F649_AF94),
    (4, 0x7127_512F_72F2_7CCE),
    (5, 0x0E3E_A96B_5304_A7D0),
    (6, 0xE612_A3CB_9ECB_A951),
    (7, 0xB78D_BFAF_3A8D_83BD),
  ])
  func vectorOfWords(_ words: Int, _ expected: UInt64) {
    let key = SipHash.Key(0x0706_0504_0302_0100, 0x0F0E_0D0C_0B0A_0908)
    var hash = SipHash(key: key)
    for word in 0..<words {
      let bytes = (0..<8).map { UInt64(8 * word + $0) << UInt64(8 * $0) }
      hash.combine(bytes.reduce(0, |))
    }
    #expect(hash.finalize() == expected)
  }

  /// The same of SipHash-1-3.
  @Test(arguments: [
    (0, 0xABAC_0158_050F_C4DC as UInt64),
    (1, 0x3690_9511_8D29_9A8E),
    (2, 0xCC4F_DD1A_7D90_8B66),
    (5, 0xC1D2_3632_99E4_1531),
    (7, 0xB4BC_C0DB_243C_6D75),
  ])
  func shortVectorOfWords(_ words: Int, _ expected: UInt64) {
    let key = SipHash.Key(0x0706_0504_0302_0100, 0x0F0E_0D0C_0B0A_0908)
    var hash = SipHash(key: key, variant: .short)
    for word in 0..<words {
      let bytes = (0..<8).map { UInt64(8 * word + $0) << UInt64(8 * $0) }
      hash.combine(bytes.reduce(0, |))
    }
    #expect(hash.finalize() == expected)
  }

  @Test func sameSeed_sameRun() {
    var first = RandomNumbers(seed: SipHash.Key(1, 2))
    var second = RandomNumbers(seed: SipHash.Key(1, 2))
    var other = RandomNumbers(seed: SipHash.Key(1, 3))
    let run = (0..<8).map { _ in first.next() }
    #expect(run == (0..<8).map { _ in second.next() })
    #expect(run != (0..<8).map { _ in other.next() })
    #expect(Set(run).count == 8)
  }
}
