import Net

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// The frames of a run, for a file that tcpdump and Wireshark read. Those that a
/// path loses are in it: it is taken where machines send.
package struct Capture {
  /// Beyond, the first of them are left out: what went wrong is at the end.
  private static let most = 100_000

  private var records: [(instant: Instant, frame: Frame)] = []

  package init() {}

  mutating func add(_ frame: Frame, at now: Instant) {
    records.append((now, frame))
    if records.count >= 2 * Self.most { records.removeFirst(Self.most) }
  }

  /// The file's bytes: the format of libpcap with nanoseconds.
  private var bytes: [UInt8] {
    var bytes: [UInt8] = []
    func add(_ words: UInt32...) {
      for word in words {
        for shift in [0, 8, 16, 24] as [UInt32] {
          bytes.append(UInt8(truncatingIfNeeded: word >> shift))
        }
      }
    }
    add(0xA1B2_3C4D, 4 << 16 | 2, 0, 0, 65_535, 1)
    for (instant, frame) in records.suffix(Self.most) {
      let count = UInt32(frame.bytes.count)
      add(
        UInt32(instant.nanoseconds / 1_000_000_000),
        UInt32(instant.nanoseconds % 1_000_000_000),
        count,
        count
      )
      bytes += frame.bytes
    }
    return bytes
  }

  /// Writes the file.
  package func write(to path: String) throws(Failure) {
    guard let file = unsafe fopen(path, "wb") else {
      throw Failure("cannot write \(path)")
    }
    let bytes = bytes
    // SAFETY: The array lives through the call, and the file is open.
    let written = unsafe fwrite(bytes, 1, bytes.count, file)
    let status = unsafe fclose(file)
    try require(
      written == bytes.count && status == 0,
      "cannot write all of \(path)"
    )
  }
}
