import Foundation
import GuestHarness
import Testing

/// The check of captured packets finds what it is to find.
@Suite struct CaptureTests {
  private static let macAddress = "52:54:00:0a:9b:03"

  /// A frame, all of it right.
  struct Frame: Sendable, CustomTestStringConvertible {
    let name: String
    let bytes: [UInt8]
    /// Bytes that no checksum spares.
    let checked: [Int]

    var testDescription: String { name }
  }

  private static let ethernet: [UInt8] = [
    0x52, 0x54, 0x00, 0x00, 0x00, 0x01, 0x52, 0x54, 0x00, 0x0A, 0x9B, 0x03,
    0x08, 0x00,
  ]

  static let frames = [
    Frame(
      name: "UDP",
      bytes: ethernet + [
        // IPv4, 31 bytes, UDP, 10.0.0.1 to 10.0.0.2.
        0x45, 0x00, 0x00, 0x1F, 0x00, 0x01, 0x00, 0x00, 0x40, 0x11, 0x66, 0xCB,
        0x0A, 0x00, 0x00, 0x01, 0x0A, 0x00, 0x00, 0x02,
        // Port 4096 to 4097, 11 bytes: "abc".
        0x10, 0x00, 0x10, 0x01, 0x00, 0x0B, 0x07, 0x72, 0x61, 0x62, 0x63,
      ],
      // Of the addresses, the identification, a port and the content.
      checked: [19, 29, 37, 43]
    ),
    Frame(
      name: "TCP",
      bytes: ethernet + [
        // IPv4, 40 bytes, TCP, 10.0.0.1 to 10.0.0.2.
        0x45, 0x00, 0x00, 0x28, 0x00, 0x01, 0x00, 0x00, 0x40, 0x06, 0x66, 0xCD,
        0x0A, 0x00, 0x00, 0x01, 0x0A, 0x00, 0x00, 0x02,
        // Port 4096 to 4097, SYN, sequence number 1, window 4096.
        0x10, 0x00, 0x10, 0x01, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00,
        0x50, 0x02, 0x10, 0x00, 0x6B, 0xDE, 0x00, 0x00,
      ],
      checked: [29, 37, 41, 49]
    ),
    Frame(
      name: "ICMP",
      bytes: ethernet + [
        // IPv4, 30 bytes, ICMP, 10.0.0.1 to 10.0.0.2.
        0x45, 0x00, 0x00, 0x1E, 0x00, 0x01, 0x00, 0x00, 0x40, 0x01, 0x66, 0xDC,
        0x0A, 0x00, 0x00, 0x01, 0x0A, 0x00, 0x00, 0x02,
        // Echo reply 1, 1: "ab".
        0x00, 0x00, 0x9E, 0x9B, 0x00, 0x01, 0x00, 0x01, 0x61, 0x62,
      ],
      checked: [19, 37, 41, 43]
    ),
  ]

  /// Writes `frame` to a file and reads what is broken in it.
  private func brokenPackets(_ frame: [UInt8]) async throws -> [String] {
    try await withTemporaryFolder { folder in
      let file = folder.appending("frame.pcap")
      // libpcap's format: magic number, version 2.4, zone, accuracy, most
      // bytes a packet, Ethernet; then time, bytes kept, bytes there were.
      let words: [UInt32] = [
        0xA1B2_C3D4, 0x0004_0002, 0, 0, 65_535, 1,
        0, 0, UInt32(frame.count), UInt32(frame.count),
      ]
      var bytes = words.flatMap { word in
        stride(from: 0, to: 32, by: 8).map { UInt8(word >> $0 & 0xFF) }
      }
      bytes += frame
      try Data(bytes).write(to: URL(filePath: file.string))
      return try await Capture(file).brokenPackets(from: Self.macAddress)
    }
  }

  @Test("A right frame is none", arguments: frames)
  func rightFrame(_ frame: Frame) async throws {
    let broken = try await brokenPackets(frame.bytes)
    #expect(broken.isEmpty, "\(broken)")
  }

  @Test("A frame with a wrong byte is one", arguments: frames)
  func wrongByte(_ frame: Frame) async throws {
    for index in frame.checked {
      var bytes = frame.bytes
      bytes[index] ^= 1
      #expect(try await brokenPackets(bytes).count == 1, "byte \(index)")
    }
  }

  @Test("A malformed frame is one")
  func malformedFrame() async throws {
    // ARP, which ends before its addresses do.
    var bytes = Self.ethernet + [0, 1, 8, 0, 6, 4, 0, 1, 0x52, 0x54]
    bytes[13] = 0x06
    #expect(try await brokenPackets(bytes).count == 1)
  }
}
