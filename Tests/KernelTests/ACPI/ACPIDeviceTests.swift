import Testing

@testable import Kernel

/// The virtio devices of a DSDT. ACPI 6.4 §6.4, §20.2.
@Suite struct ACPIDeviceTests {
  private typealias Firmware = TestFirmware

  /// The DSDT that QEMU 7.2 gives a microvm with two devices.
  static let microvm = TestFirmware.bytes(
    """
    44534454d8010000020d424f4348532042585043202020200100000042585043
    0100000010421a5f53425f5b822e46574346085f4849440d51454d5530303032
    00085f5354410a0b085f435253110d0a0a470110051005010c79005b8232434f
    4d31085f4849440c41d00501085f55494401085f5354410a0f085f4352531110
    0a0d4701f803f803000822100079005b82255254435f085f4849440c41d00b00
    085f43525311100a0d470170007000010822000179005b824c064745445f085f
    4849440d414350493030313300085f5549440d47454400085f435253110e0a0b
    89060003010900000079005b8045524547000c0000a0fe0a045b810b45524547
    4553454c20141d5f45565409704553454c60a010937b600a02000a0286505752
    420a805b821950575242085f4849440d504e503043304300085f554944005b82
    420456523233085f4849440d4c4e524f3030303500085f5549440a17085f4343
    4101085f435253111a0a1786090001002eb0fe0002000089060001012f000000
    79005b82420456523232085f4849440d4c4e524f3030303500085f5549440a16
    085f43434101085f435253111a0a1786090001002cb0fe000200008906000101
    2e000000790010105c00085f53355f1207040a05000000
    """
  )

  private static let memory: [UInt8] =
    [0x86, 9, 0, 1] + TestFirmware.little(0xFEB0_2E00, 4)
    + TestFirmware.little(0x200, 4)
  private static let line: [UInt8] =
    [0x89, 6, 0, 1, 1] + TestFirmware.little(47, 4)
  private static let end: [UInt8] = [0x79, 0]

  private static func named(_ name: String, _ value: [UInt8]) -> [UInt8] {
    [8] + Array(name.utf8) + value
  }

  private static let identifier = named(
    "_HID",
    [0x0D] + Array("LNRO0005".utf8) + [0]
  )

  private static func buffer(_ bytes: [UInt8]) -> [UInt8] {
    [0x11, UInt8(bytes.count + 3), 0x0A, UInt8(bytes.count)] + bytes
  }

  private static func device(_ objects: [UInt8]) -> [UInt8] {
    let body = Array("VR00".utf8) + objects
    // A length of two bytes, as a short one would not hold it.
    let length = body.count + 2
    return [0x5B, 0x82, 0x40 | UInt8(length & 0xF), UInt8(length >> 4)] + body
  }

  private func read(_ code: [UInt8]) -> ACPIDevices {
    ACPIDevices(Firmware.table("DSDT", code))
  }

  @Test func microvm_hasTwo() throws {
    let devices = ACPIDevices(Self.microvm)
    #expect(devices.problems == [])
    #expect(
      devices.places == [
        try #require(MMIOPlace(base: 0xFEB0_2E00, size: 512, interrupt: 47)),
        try #require(MMIOPlace(base: 0xFEB0_2C00, size: 512, interrupt: 46)),
      ]
    )
  }

  @Test func allKindsOfConstants_areReadOver() {
    let more =
      Self.named("_UID", [0]) + Self.named("_CCA", [1])
      + Self.named("_AAA", [0xFF]) + Self.named("_BBB", [0x0B, 1, 2])
      + Self.named("_CCC", [0x0C, 1, 2, 3, 4])
      + Self.named("_DDD", [0x0E, 1, 2, 3, 4, 5, 6, 7, 8])
      + Self.named("_EEE", [0x0D, 0x41, 0])
    let resources = Self.buffer(
      // A small resource and a large one of other kinds.
      [0x22, 0x10, 0] + [0x8A, 2, 0, 1, 2] + Self.memory + Self.line
        + Self.end
    )
    let devices = read(
      Self.device(Self.identifier + more + Self.named("_CRS", resources))
    )
    #expect(devices.problems == [])
    #expect(devices.places.count == 1)
  }

  @Test func flags_sayPolarityAndTrigger() {
    for (flags, signal) in [
      (0b001, InterruptSignal(isLevel: true, isActiveLow: false)),
      (0b011, .isa), (0b101, .init(isLevel: true, isActiveLow: true)),
      (0b111, .init(isLevel: false, isActiveLow: true)),
    ] as [(UInt8, InterruptSignal)] {
      var line = Self.line
      line[3] = flags
      #expect(MMIOPlace(resources: Self.memory + line)?.signal == signal)
    }
  }

  static let badResources: [[UInt8]] = [
    [], end, memory, line, memory + memory + line, memory + line + line,
    // Ends behind its end.
    memory + line.dropLast(), [0x86, 9], [0x86, 9, 0], [0x86, 0xFF, 0xFF],
    // Too short for what it says it is.
    [0x86, 8, 0] + memory[3...].dropLast() + line,
    memory + [0x89, 5, 0, 1, 1, 1, 0, 0],
    // Two interrupts, or none.
    memory + [0x89, 6, 0, 1, 2, 1, 0, 0, 0],
    memory + [0x89, 6, 0, 1, 0, 1, 0, 0, 0],
    // Too few registers, none, too many, at 0, misaligned.
    [0x86, 9, 0, 1, 0, 0, 0, 0xFE, 0xFF, 0, 0, 0] + line,
    [0x86, 9, 0, 1, 0, 0, 0, 0xFE, 0, 0, 0, 0] + line,
    [0x86, 9, 0, 1, 0, 0, 0, 0xFE, 0, 0, 0, 0x10] + line,
    [0x86, 9, 0, 1, 0, 0, 0, 0, 0, 2, 0, 0] + line,
    [0x86, 9, 0, 1, 2, 0, 0, 0xFE, 0, 2, 0, 0] + line,
    // An interrupt that no controller has.
    memory + [0x89, 6, 0, 1, 1, 0, 0, 1, 0],
  ]

  @Test(arguments: badResources)
  func badResources_areReported(_ resources: [UInt8]) {
    #expect(MMIOPlace(resources: resources) == nil)
    let devices = read(
      Self.device(
        Self.identifier + Self.named("_CRS", Self.buffer(resources))
      )
    )
    #expect(devices.places == [])
    #expect(devices.problems.count == 1)
  }

  /// A device whose resources are computed, and one whose name is.
  @Test func code_isNotGuessedAt() {
    let method: [UInt8] = [0x14, 0x06] + Array("_CRS".utf8) + [0]
    for objects in [
      Self.identifier + method, method + Self.identifier,
      Self.identifier + Self.named("_CRS", [0x12, 2, 0]),
    ] {
      let devices = read(Self.device(objects))
      #expect(devices.places == [])
      #expect(devices.problems.count == 1)
    }
  }

  @Test func buffer_longerThanItsPackage_isNotRead() {
    let resources = Self.memory + Self.line
    for lie: UInt8 in [22, 100, 255] {
      var buffer = Self.buffer(resources)
      buffer[3] = lie
      let devices = read(
        Self.device(Self.identifier + Self.named("_CRS", buffer))
      )
      #expect(devices.places == [], "\(lie)")
      #expect(devices.problems.count == 1)
    }
  }

  @Test func otherDevices_areNotMentioned() {
    let devices = read(
      Self.device(
        Self.named("_HID", [0x0D] + Array("QEMU0002".utf8) + [0])
          + Self.named("_CRS", Self.buffer(Self.memory + Self.line))
      )
    )
    #expect(devices.places == [] && devices.problems == [])
  }

  @Test func moreThanALimit_areNotTaken() {
    let one = Self.device(
      Self.identifier
        + Self.named("_CRS", Self.buffer(Self.memory + Self.line))
    )
    let devices = read((0..<40).flatMap { _ in one })
    #expect(devices.places.count == MMIOPlace.most)
    #expect(devices.problems.count == 40 - MMIOPlace.most)
  }

  @Test func cutShort_isSurvived() {
    for count in 0..<Self.microvm.count {
      let devices = ACPIDevices(Array(Self.microvm.prefix(count)))
      #expect(devices.places.count < 3, "\(count)")
    }
  }

  @Test(arguments: UInt64(1)...20)
  func randomBytes_areSurvived(_ seed: UInt64) {
    var numbers = SeededNumbers(seed: seed)
    for _ in 0..<200 {
      var table = Self.microvm
      for _ in 0..<Int.random(in: 1...8, using: &numbers) {
        table[.random(in: table.indices, using: &numbers)] =
          .random(in: 0...255, using: &numbers)
      }
      for place in ACPIDevices(table).places {
        #expect(place.registers.count >= 0x100, "seed \(seed)")
      }
    }
  }
}
