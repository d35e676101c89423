import Net
import Simulation
import Testing

/// What holds the stack to the rules: each rule is broken once here.
@Suite struct WatchTests {
  static let check = FrameCheck(
    hardware: 0x0200_0000_0001,
    address: 0x0A00_0001,
    mtu: 1500
  )

  /// A segment between 10.0.0.1 port 1000 and 10.0.0.2 port 7.
  static func segment(
    out: Bool = true,
    _ flags: UInt8,
    number: UInt32,
    acknowledged: UInt32 = 0,
    window: Int = 0,
    options: [UInt8] = [],
    payload: Int = 0
  ) -> Frame {
    let header = 20 + options.count
    var frame = Frame(
      [UInt8](repeating: 0, count: 14 + 20 + header + payload)
    )
    frame.setWord(6, 0x0200)
    frame.setLong(8, out ? 1 : 2)
    frame.setWord(12, 0x0800)
    frame.bytes[14] = 0x45
    frame.setWord(16, 20 + header + payload)
    frame.bytes[22] = 64
    frame.bytes[23] = 6
    frame.setLong(26, out ? 0x0A00_0001 : 0x0A00_0002)
    frame.setLong(30, out ? 0x0A00_0002 : 0x0A00_0001)
    frame.setWord(34, out ? 1000 : 7)
    frame.setWord(36, out ? 7 : 1000)
    frame.setLong(38, number)
    frame.setLong(42, acknowledged)
    frame.bytes[46] = UInt8(header / 4) << 4
    frame.bytes[47] = flags
    frame.setWord(48, window)
    frame.bytes.replaceSubrange(54..<54 + options.count, with: options)
    frame.completeIPChecksum()
    frame.completeTCPChecksum()
    return frame
  }

  @Test func aRightSegment_passes() throws {
    try Self.check.check(
      Self.segment(2, number: 1, options: [2, 4, 5, 180, 1, 3, 3, 7])
    )
    try Self.check.check(Self.segment(0x10, number: 1, payload: 1460))
  }

  @Test(
    arguments: [
      ("another's hardware", 11, 9), ("another's address", 29, 9),
      ("the IP checksum", 24, 1), ("the TCP checksum", 50, 1),
      ("the length", 17, 1), ("no IPv4", 14, 0x65), ("the type", 13, 0x11),
      ("reserved bits", 46, 0x51), ("SYN with FIN", 47, 0x03),
    ] as [(String, Int, UInt8)]
  )
  func aWrongByte_isSeen(what: String, place: Int, value: UInt8) {
    var frame = Self.segment(0x10, number: 1)
    frame.bytes[place] = frame.bytes[place] == value ? value ^ 1 : value
    // But for the checksums, all else is right.
    if !what.contains("checksum"), place > 17 {
      frame.completeIPChecksum()
      frame.completeTCPChecksum()
    }
    #expect(throws: Failure.self, "\(what)") { try Self.check.check(frame) }
  }

  @Test(
    arguments: [
      [3, 3, 15, 0], [2, 4, 5, 180], [4, 2, 1, 1], [2, 5, 1, 1], [9, 1, 0, 0],
      [8, 2, 1, 1], [5, 9, 1, 1], [0, 0, 1, 0],
    ] as [[UInt8]]
  )
  func optionsThatMayNotBe_areSeen(options: [UInt8]) {
    let frame = Self.segment(0x10, number: 1, options: options)
    #expect(throws: Failure.self) { try Self.check.check(frame) }
  }

  /// A connection, with windows of 1000 bytes each way, unscaled.
  static func open() throws -> FlowWatch {
    var watch = FlowWatch()
    try watch.sends(segment(2, number: 99, options: [2, 4, 5, 180]))
    try watch.receives(
      segment(
        out: false,
        0x12,
        number: 499,
        acknowledged: 100,
        window: 1000,
        options: [2, 4, 1, 244]
      )
    )
    try watch.sends(
      segment(0x10, number: 100, acknowledged: 500, window: 1000)
    )
    return watch
  }

  @Test func aWindow_isNotLeft() throws {
    var watch = try Self.open()
    // One more asks whether a shut one has opened.
    try watch.sends(
      Self.segment(
        0x10,
        number: 901,
        acknowledged: 500,
        window: 1000,
        payload: 200
      )
    )
    #expect(throws: Failure.self) {
      try watch.sends(
        Self.segment(
          0x10,
          number: 902,
          acknowledged: 500,
          window: 1000,
          payload: 200
        )
      )
    }
  }

  @Test func aWindow_isNotTakenBack() throws {
    var watch = try Self.open()
    #expect(throws: Failure.self) {
      try watch.sends(
        Self.segment(0x10, number: 100, acknowledged: 500, window: 999)
      )
    }
  }

  @Test func onlyWhatHasCome_isAcknowledged() throws {
    var watch = try Self.open()
    try watch.receives(
      Self.segment(
        out: false,
        0x10,
        number: 500,
        acknowledged: 100,
        payload: 10
      )
    )
    try watch.sends(
      Self.segment(0x10, number: 100, acknowledged: 510, window: 1000)
    )
    #expect(throws: Failure.self) {
      try watch.sends(
        Self.segment(0x10, number: 100, acknowledged: 511, window: 1000)
      )
    }
  }

  @Test func aSegment_isNotLargerThanThePeerTakes() throws {
    var watch = try Self.open()
    #expect(throws: Failure.self) {
      try watch.sends(
        Self.segment(
          0x10,
          number: 100,
          acknowledged: 500,
          window: 1000,
          payload: 501
        )
      )
    }
  }
}
