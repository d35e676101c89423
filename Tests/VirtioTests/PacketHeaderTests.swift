import Packets
import Testing

@testable import Virtio

/// The header of a packet, both ways. VIRTIO 1.2 §5.1.6.2, §5.1.6.4.
@Suite struct PacketHeaderTests {
  // MARK: Size

  @Test(
    arguments: [
      ([], 10), (.anyLayout, 10), (.mrgRxbuf, 12), (.version1, 12),
      ([.version1, .mrgRxbuf], 12), ([.version1, .hashReport], 20),
    ] as [(Features, Int)]
  )
  func size_isThatOfTheFeatures(_ features: Features, _ size: Int) {
    #expect(PacketHeader.size(features) == size)
  }

  // MARK: From the device

  private func parse(
    _ bytes: [UInt8],
    _ features: Features
  ) -> PacketHeader.Received? {
    PacketHeader.parse(bytes.rawBytes, features)
  }

  /// Each flag, each type and all sets of features: accepted is just what was
  /// agreed on.
  @Test func flagsAndTypes_areTakenWhereAgreedOn() {
    let bits: [Features] = [
      .guestCsum, .guestTSO4, .guestTSO6, .guestECN, .guestUFO, .guestUSO4,
      .guestUSO6,
    ]
    // Without the ECN bit: which feature allows it.
    let types: [(UInt8, Features)] = [
      (0, []), (1, .guestTSO4), (2, []), (3, .guestUFO), (4, .guestTSO6),
      (5, [.guestUSO4, .guestUSO6]), (6, []), (0x42, []), (0x7F, []),
    ]
    for subset in 0..<(1 << bits.count) {
      var features: Features = [.version1]
      for (index, bit) in bits.enumerated() where subset >> index & 1 == 1 {
        features.insert(bit)
      }
      let hasChecksum = features.contains(.guestCsum)
      for flags in [UInt8(0), 1, 2, 3, 4, 5, 6, 8, 9, 10, 0x80] {
        for (type, anyOf) in types {
          for ecn in [UInt8(0), 0x80] {
            let header = [flags, type | ecn, 54, 0, 0xE8, 3, 0, 0, 0, 0, 0, 0]
            // Those without a meaning are ignored.
            let isFlagGood = flags & 4 == 0 && (flags & 1 == 0 || hasChecksum)
            let isPlain = type | ecn == 0
            let isTypeGood =
              isPlain
              || !features.isDisjoint(with: anyOf)
                && (ecn == 0 || features.contains(.guestECN))
            let received = parse(header, features)
            let isRight =
              isFlagGood && isTypeGood
              ? received?.isChecksumVerified == (hasChecksum && flags & 3 != 0)
                && received?.segmentSize == (isPlain ? 0 : 1000)
                && received?.bufferCount == 1
              : received == nil
            guard isRight else {
              Issue.record("flags \(flags), type \(type | ecn), \(features)")
              return
            }
          }
        }
      }
    }
  }

  /// `num_buffers` counts only where buffers are merged.
  @Test(arguments: [
    (UInt8(0), UInt8(0), Int?.none), (1, 0, 1), (2, 0, 2), (0xFF, 0xFF, 65535),
  ])
  func bufferCount(_ low: UInt8, _ high: UInt8, _ count: Int?) {
    let header: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, low, high]
    let merged = parse(header, [.version1, .mrgRxbuf])?.bufferCount
    let plain = parse(header, .version1)?.bufferCount
    #expect(merged == count)
    #expect(plain == 1)
  }

  /// A large packet without a segment size cannot be.
  @Test func segmentSizeZero_isRefused() {
    let features: Features = [.guestCsum, .guestTSO4]
    let header: [UInt8] = [1, 1, 54, 0, 0, 0, 34, 0, 16, 0]
    let received = parse(header, features)
    #expect(received == nil)
  }

  /// The field of two bytes ends at 34 + 16 + 2; the length of the headers is a
  /// hint that may be wrong.
  @Test func places_mustLieInTheFrame() throws {
    let features: Features = [.guestCsum, .guestTSO4]
    let checksum = try #require(
      parse([1, 0, 0, 0, 0, 0, 34, 0, 16, 0], features)
    )
    #expect(checksum.fits(52))
    #expect(!checksum.fits(51))
    let large = try #require(
      parse([1, 1, 66, 0, 0xE8, 3, 34, 0, 16, 0], features)
    )
    #expect(large.fits(52))
    #expect(!large.fits(51))
    let farthest = try #require(
      parse([1, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF], features)
    )
    #expect(!farthest.fits(131_071))
    #expect(farthest.fits(131_072))
    // Without the flag and the type the fields mean nothing.
    let plain = try #require(
      parse([2, 0, 0xFF, 0xFF, 9, 9, 0xFF, 0xFF, 9, 9], features)
    )
    #expect(plain.fits(0))
  }

  // MARK: To the device

  struct Encoded: Sendable {
    var kind: SegmentationKind?
    var isMarked = false
    var needs: Features
    /// Flags to checksum offset.
    var bytes: [UInt8]
  }

  /// Checksum from 34 on, field at 16; headers of 54 bytes, segments of 1,448.
  static let encoded: [Encoded] = [
    Encoded(needs: [.csum], bytes: [1, 0, 0, 0, 0, 0, 34, 0, 16, 0]),
    Encoded(
      kind: .tcp4,
      needs: [.csum, .hostTSO4],
      bytes: [1, 1, 54, 0, 0xA8, 5, 34, 0, 16, 0]
    ),
    Encoded(
      kind: .tcp4,
      isMarked: true,
      needs: [.csum, .hostTSO4, .hostECN],
      bytes: [1, 0x81, 54, 0, 0xA8, 5, 34, 0, 16, 0]
    ),
    Encoded(
      kind: .tcp6,
      needs: [.csum, .hostTSO6],
      bytes: [1, 4, 54, 0, 0xA8, 5, 34, 0, 16, 0]
    ),
    Encoded(
      kind: .tcp6,
      isMarked: true,
      needs: [.csum, .hostTSO6, .hostECN],
      bytes: [1, 0x84, 54, 0, 0xA8, 5, 34, 0, 16, 0]
    ),
    Encoded(
      kind: .udp,
      needs: [.csum, .hostUSO],
      bytes: [1, 5, 54, 0, 0xA8, 5, 34, 0, 16, 0]
    ),
    Encoded(
      kind: .udpFragments,
      needs: [.csum, .hostUFO],
      bytes: [1, 3, 54, 0, 0xA8, 5, 34, 0, 16, 0]
    ),
  ]

  /// A frame of 60 bytes behind 20 that are not zero.
  private func frame(_ pool: PacketPool) -> PacketBuffer {
    var packet = pool.packet(80)
    var bytes = packet.mutableBytes
    for offset in 0..<80 { bytes.storeLittleEndian(0xEE as UInt8, at: offset) }
    packet.removeFirst(20)
    return packet
  }

  @Test(arguments: encoded.indices, [10, 12, 20])
  func whatIsLeftToTheDevice_isInTheHeader(_ index: Int, _ size: Int) {
    let test = Self.encoded[index]
    let pool = PacketPool(capacity: 1)
    var packet = frame(pool)
    packet.partialChecksum = .init(start: 34, field: 16)
    if let kind = test.kind {
      packet.segmentation = .init(
        kind: kind,
        segmentSize: 1448,
        headerSize: 54,
        isCongestionMarked: test.isMarked
      )
    }
    #expect(PacketHeader.needs(packet) == test.needs)
    PacketHeader.prepend(size: size, to: &packet)
    let all = bytes(of: packet)
    let zeros = [UInt8](repeating: 0, count: size - 10)
    #expect(Array(all.prefix(size)) == test.bytes + zeros)
    #expect(all.dropFirst(size).allSatisfy { $0 == 0xEE })
    #expect(all.count == size + 60)
  }

  /// §5.1.6.2.1: nothing left to the device: all zero, `num_buffers` too.
  @Test(arguments: [10, 12, 20])
  func completeFrame_hasAHeaderOfZeros(_ size: Int) {
    let pool = PacketPool(capacity: 1)
    var packet = frame(pool)
    #expect(PacketHeader.needs(packet) == [])
    PacketHeader.prepend(size: size, to: &packet)
    let all = bytes(of: packet)
    #expect(all.prefix(size).allSatisfy { $0 == 0 })
    #expect(all.count == size + 60)
  }
}
