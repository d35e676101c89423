import Testing

@testable import Kernel

/// Memory-mapped devices on the kernel command line.
@Suite struct MMIOCommandLineTests {
  static let good: [(String, UInt64, UInt64, UInt64)] = [
    // As QEMU 7.2 and Firecracker write it.
    ("512@0xfeb00e00:12", 0xFEB0_0E00, 512, 12),
    ("4K@0xd0000000:5", 0xD000_0000, 4096, 5),
    ("4k@0xD0000000:5:0", 0xD000_0000, 4096, 5),
    ("0x200@0xfeb00e00:0xc:7", 0xFEB0_0E00, 512, 12),
    ("01000@4276096000:017", 4_276_096_000, 512, 15),
    ("1M@0x100000000:47", 0x1_0000_0000, 1 << 20, 47),
  ]

  @Test(arguments: good)
  func device_isFound(
    _ text: String,
    _ base: UInt64,
    _ size: UInt64,
    _ interrupt: UInt64
  ) throws {
    let line = MMIOCommandLine("quiet virtio_mmio.device=\(text) x=y")
    #expect(line.problems == [])
    #expect(
      line.places
        == [
          try #require(MMIOPlace(base: base, size: size, interrupt: interrupt))
        ]
    )
    // The signal is the standard's: there is no word of it.
    #expect(line.places[0].signal == .virtio)
  }

  @Test func several_keepTheirOrder() {
    let line = MMIOCommandLine(
      "virtio_mmio.device=512@0xfeb00e00:12 virtio_mmio.device=512@0xfeb00c00:11"
    )
    #expect(line.places.map(\.interrupt) == [12, 11])
  }

  @Test(
    arguments: [
      "", "512", "512@", "@0xfeb00e00:12", "512@0xfeb00e00", "512@:12",
      "512@0xfeb00e00:", "512@0xfeb00e00:12:", "512@0xfeb00e00:12:0:0",
      "512@0xfeb00e00:12:x", "K@0xfeb00e00:12", "512T@0xfeb00e00:12",
      "-512@0xfeb00e00:12", "512@feb00e00:12", "512@0x:12", "512@08:12",
      "512@0xfeb00e00:1.2", "512@@0xfeb00e00:12",
      // Too few registers, too many, at 0, misaligned, beyond all addresses.
      "255@0xfeb00e00:12", "0@0xfeb00e00:12", "2M@0xfeb00000:12",
      "512@0:12", "512@0xfeb00e02:12", "512@0xffffffffffffff00:12",
      "512@0x10000000000000000:12", "18446744073709551616@0xfeb00e00:12",
      "17179869184G@0xfeb00e00:12",
      // An interrupt that no controller has.
      "512@0xfeb00e00:65536", "512@0xfeb00e00:99999999999999999999",
    ]
  )
  func malformed_isReported(_ text: String) {
    let line = MMIOCommandLine("a virtio_mmio.device=\(text) b")
    #expect(line.places == [])
    #expect(
      line.problems == ["mmio: not understood: virtio_mmio.device=\(text)"]
    )
  }

  @Test(arguments: ["", " ", "virtio_mmio.devices=1", "xvirtio_mmio.device=1"])
  func otherWords_areNotMentioned(_ text: String) {
    let line = MMIOCommandLine(text)
    #expect(line.places == [] && line.problems == [])
  }

  @Test func moreThanALimit_areNotTaken() {
    let words = (1...40).map { "virtio_mmio.device=512@\($0 << 20):5" }
    let line = MMIOCommandLine(words.joined(separator: " "))
    #expect(line.places.count == MMIOPlace.most)
    #expect(line.problems.count == 1)
  }

  @Test(arguments: UInt64(1)...20)
  func randomText_isSurvived(_ seed: UInt64) {
    var numbers = SeededNumbers(seed: seed)
    let alphabet = Array("0123456789abcdefxXkKmMgG@@::: ")
    for _ in 0..<500 {
      let text = String(
        (0..<Int.random(in: 0...24, using: &numbers)).map { _ in
          alphabet.randomElement(using: &numbers)!
        }
      )
      for place in MMIOCommandLine("virtio_mmio.device=\(text)").places {
        #expect(place.registers.count >= 0x100, "seed \(seed): \(text)")
      }
    }
  }
}
