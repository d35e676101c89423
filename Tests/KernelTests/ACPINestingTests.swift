import Testing

@testable import Kernel

/// The reading of a DSDT goes no deeper than the few levels there are.
@Suite struct ACPINestingTests {
  /// A buffer whose size is a buffer whose size is a buffer, and so on.
  @Test func buffersForSizesAreRefused() {
    let depth = 150_000
    let innermost: [UInt8] = [0x0A, 0]
    var crs: [UInt8] = []
    for level in stride(from: depth, to: 0, by: -1) {
      let length = 4 + innermost.count + 5 * (level - 1)
      crs += [0x11] + packageLength(length)
    }
    crs += innermost
    let body: [UInt8] = Array("VR00".utf8) + [0x08] + Array("_CRS".utf8) + crs
    var table = [UInt8](repeating: 0, count: 36)
    table += [0x5B, 0x82] + packageLength(4 + body.count) + body
    table += Array("LNRO0005".utf8)

    let devices = ACPIDevices(table)
    #expect(devices.places.isEmpty)
    #expect(devices.problems.count == 1)
  }

  /// ACPI 6.4 §20.2.4, with three bytes behind the first.
  private func packageLength(_ length: Int) -> [UInt8] {
    [
      0xC0 | UInt8(length & 0xF),
      UInt8(truncatingIfNeeded: length >> 4),
      UInt8(truncatingIfNeeded: length >> 12),
      UInt8(truncatingIfNeeded: length >> 20),
    ]
  }
}
