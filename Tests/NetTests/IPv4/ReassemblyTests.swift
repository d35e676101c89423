import Packets
import Testing

@testable import Net

/// Parts as offset, length and whether more follow; the bytes are those of one
/// payload, unless said otherwise.
@Suite struct ReassemblyTests {
  struct Part {
    var offset: Int
    var length: Int
    var more: Bool
    var identification: UInt16 = 1
    var fill: UInt8?
    var number: UInt8 = 17
    var service: UInt8 = 0
    var source = Hosts.peerAddress

    init(_ offset: Int, _ length: Int, _ more: Bool) {
      self.offset = offset
      self.length = length
      self.more = more
    }

    func changed(_ change: (inout Part) -> Void) -> Part {
      var part = self
      change(&part)
      return part
    }
  }

  private static func byte(_ offset: Int) -> UInt8 {
    UInt8(truncatingIfNeeded: offset &* 31 ^ offset >> 8)
  }

  private static func bytes(_ part: Part) -> [UInt8] {
    let payload = (part.offset..<part.offset + part.length).map {
      part.fill ?? byte($0)
    }
    return Frames.ipv4(
      protocol: part.number,
      from: part.source,
      change: {
        $0[1] = part.service
        $0[4] = UInt8(part.identification >> 8)
        $0[5] = UInt8(part.identification & 0xFF)
        let field = UInt16(part.offset / 8) | (part.more ? 0x2000 : 0)
        $0[6] = UInt8(field >> 8)
        $0[7] = UInt8(field & 0xFF)
      },
      payload
    )
  }

  /// What becomes of each part: "-" when it waits, "whole N" with the payload's
  /// length, or why it was dropped.
  private func outcomes(
    _ parts: [Part],
    limits: Limits = Limits()
  ) -> [String] {
    let pool = PacketPool(capacity: 8)
    var found: [String] = []
    do {
      var reassembly = Reassembly(limits: limits)
      for part in parts {
        found.append(add(part, to: &reassembly, pool))
      }
    }
    #expect(pool.available == 8)
    return found
  }

  private func add(
    _ part: Part,
    to reassembly: inout Reassembly,
    _ pool: PacketPool,
    at seconds: Double = 0
  ) -> String {
    var packet = pool.allocate()!
    packet.append(copying: Self.bytes(part).raw)
    var evicted = 0
    do throws(DropReason) {
      let header = try IPv4Header(parsing: packet)
      let whole = try reassembly.add(
        packet,
        header,
        evicted: &evicted,
        at: .at(seconds)
      )
      return Self.describe(whole) + (evicted > 0 ? " evicted \(evicted)" : "")
    } catch {
      return "\(error)"
    }
  }

  private static func describe(_ whole: consuming PacketBuffer?) -> String {
    guard let whole else { return "-" }
    let bytes = whole.bytes
    guard let header = try? IPv4Header(quoted: bytes), !header.isFragment,
      header.totalLength == bytes.byteCount
    else { return "malformed" }
    let payload = bytes.extracting(header.length..<bytes.byteCount)
    for offset in 0..<payload.byteCount
    where payload.byte(at: offset) != byte(offset) {
      return "byte \(offset) is wrong"
    }
    return "whole \(payload.byteCount)"
      + (header.ecn == .notCapable ? "" : " \(header.ecn)")
  }

  @Test(
    arguments: [
      // In order, backwards, and from the middle.
      ([.init(0, 16, true), .init(16, 8, false)], ["-", "whole 24"]),
      ([.init(16, 8, false), .init(0, 16, true)], ["-", "whole 24"]),
      (
        [
          .init(16, 8, true), .init(32, 3, false), .init(0, 16, true),
          .init(24, 8, true),
        ], ["-", "-", "-", "whole 35"]
      ),
      // What is there already may come again.
      (
        [.init(0, 16, true), .init(0, 16, true), .init(16, 8, false)],
        ["-", "-", "whole 24"]
      ),
      (
        [
          .init(0, 16, true), .init(16, 8, true), .init(8, 16, true),
          .init(24, 1, false),
        ], ["-", "-", "-", "whole 25"]
      ),
      // Empty, and not whole eights.
      ([.init(0, 0, true)], ["ipv4FragmentInvalid"]),
      ([.init(0, 15, true)], ["ipv4FragmentInvalid"]),
      // The ping of death.
      ([.init(65528, 16, false)], ["ipv4FragmentInvalid"]),
      ([.init(65520, 8, true)], ["ipv4FragmentInvalid"]),
      // Two ends; something beyond the end; an end within.
      (
        [.init(16, 8, false), .init(16, 9, false)],
        ["-", "ipv4FragmentOverlap"]
      ),
      (
        [.init(16, 8, false), .init(8, 9, false)],
        ["-", "ipv4FragmentOverlap"]
      ),
      (
        [.init(16, 8, false), .init(24, 8, true)],
        ["-", "ipv4FragmentOverlap"]
      ),
      (
        [.init(16, 8, false), .init(16, 8, true)],
        ["-", "ipv4FragmentOverlap"]
      ),
      (
        [.init(32, 8, true), .init(16, 8, false)],
        ["-", "ipv4FragmentOverlap"]
      ),
      // Overlaps to the left, to the right, and around; all begins anew.
      (
        [.init(8, 16, true), .init(0, 16, true), .init(0, 16, true)],
        ["-", "ipv4FragmentOverlap", "-"]
      ),
      (
        [.init(8, 16, true), .init(16, 16, true)],
        ["-", "ipv4FragmentOverlap"]
      ),
      (
        [.init(8, 8, true), .init(0, 24, true)],
        ["-", "ipv4FragmentOverlap"]
      ),
      (
        [.init(0, 8, true), .init(16, 8, true), .init(8, 16, true)],
        ["-", "-", "ipv4FragmentOverlap"]
      ),
    ] as [([Part], [String])]
  )
  func parts(_ parts: [Part], _ expected: [String]) {
    let found = outcomes(parts)
    #expect(found == expected)
  }

  @Test func sameBytesElsewhere_overlapWithOtherBytes_isRefused() {
    let first = Part(0, 16, true)
    let found = outcomes([first, first.changed { $0.fill = 0xEE }])
    #expect(found == ["-", "ipv4FragmentOverlap"])
  }

  /// RFC 1858: the flags of TCP are in the first part, and stay.
  @Test func tcp_tinyFirstPart_andOffsetEight_areRefused() {
    func tcp(_ part: Part) -> Part { part.changed { $0.number = 6 } }
    let found = outcomes([
      tcp(.init(0, 8, true)), tcp(.init(8, 8, true)), tcp(.init(0, 16, true)),
      tcp(.init(16, 8, false)),
    ])
    #expect(
      found == [
        "ipv4FragmentInvalid", "ipv4FragmentInvalid", "-", "whole 24",
      ]
    )
  }

  /// RFC 3168 §5.3.
  @Test(
    arguments: [
      (0, 0, "whole 24"), (2, 2, "whole 24 capable0"),
      (1, 1, "whole 24 capable1"), (2, 3, "whole 24 congestion"),
      (3, 1, "whole 24 congestion"), (0, 3, "ipv4FragmentECN"),
      (0, 2, "whole 24"),
    ] as [(UInt8, UInt8, String)]
  )
  func ecn(_ first: UInt8, _ second: UInt8, _ expected: String) {
    let found = outcomes([
      Part(0, 16, true).changed { $0.service = first },
      Part(16, 8, false).changed { $0.service = second },
    ])
    #expect(found == ["-", expected])
  }

  @Test func keys_areToldApart() {
    let first = Part(0, 16, true)
    let found = outcomes([
      first, first.changed { $0.identification = 2 },
      first.changed { $0.number = 1 },
      first.changed { $0.source = Hosts.gatewayAddress },
      Part(16, 8, false).changed { $0.identification = 2 },
    ])
    #expect(found == ["-", "-", "-", "-", "whole 24"])
  }

  @Test func largest_inAllOrders() {
    var random = RandomNumbers(seed: SipHash.Key(7, 7))
    let pool = PacketPool(capacity: 2)
    var reassembly = Reassembly(limits: Limits())
    var parts = stride(from: 0, to: 65515, by: 1480).map {
      Part($0, min(1480, 65515 - $0), $0 + 1480 < 65515)
    }
    for round in 0..<4 {
      if round % 2 == 1 { parts.reverse() }
      if round == 3 {
        // No more than two places are changed, or there are too many holes.
        parts.swapAt(3, Int(random.next() % 40))
      }
      var last = ""
      for part in parts { last = add(part, to: &reassembly, pool) }
      #expect(last == "whole 65515", "round \(round)")
    }
  }

  @Test func holes_areBounded() {
    let parts = (0...16).map { Part($0 * 16, 8, true) }
    let found = outcomes(parts)
    #expect(found.prefix(16).allSatisfy { $0 == "-" })
    #expect(found.last == "ipv4FragmentInvalid")
  }

  @Test func datagrams_areBounded_theFloodersGoFirst() {
    var limits = Limits()
    limits.reassemblies = 4
    let pool = PacketPool(capacity: 2)
    var reassembly = Reassembly(limits: limits)
    let honest = Part(0, 16, true).changed { $0.source = Hosts.gatewayAddress }
    #expect(add(honest, to: &reassembly, pool) == "-")
    for id in 2..<1000 as Range<UInt16> {
      let flood = Part(0, 16, true).changed { $0.identification = id }
      let found = add(flood, to: &reassembly, pool)
      #expect(found == (id < 5 ? "-" : "- evicted 1"))
    }
    let count = reassembly.count
    #expect(count == 4)
    let rest = Part(16, 8, false).changed { $0.source = Hosts.gatewayAddress }
    #expect(add(rest, to: &reassembly, pool) == "whole 24")
  }

  /// What is whole is still held by others, and no buffer is free.
  @Test func noBuffer_theOldestInTheMakingGoes() throws {
    let pool = PacketPool(capacity: 8)
    var limits = Limits()
    limits.reassemblies = 4
    limits.largeDatagrams = 0
    do {
      var reassembly = Reassembly(limits: limits)
      var held = PacketQueue()
      for number in 0..<3 as Range<UInt16> {
        let start = Part(0, 16, true).changed { $0.identification = number }
        #expect(add(start, to: &reassembly, pool) == "-")
        var evicted = 0
        var rest = pool.allocate()!
        let end = Part(16, 8, false).changed { $0.identification = number }
        rest.append(copying: Self.bytes(end).raw)
        let header = try IPv4Header(parsing: rest)
        if let whole = try reassembly.add(
          rest,
          header,
          evicted: &evicted,
          at: .at(0)
        ) {
          held.append(whole)
        }
        let isOver = reassembly.isLendingTooMany
        #expect(isOver)
      }
      #expect(held.count == 3)
      for number in 10..<14 as Range<UInt16> {
        let start = Part(0, 16, true).changed { $0.identification = number }
        #expect(
          add(start, to: &reassembly, pool)
            == (number == 10 ? "-" : "- evicted 1")
        )
        let count = reassembly.count
        #expect(count == 1)
      }
    }
    #expect(pool.available == 8)
  }

  @Test func time_countsFromTheFirstPart_andIsNotProlonged() {
    let pool = PacketPool(capacity: 2)
    var reassembly = Reassembly(limits: Limits())
    _ = add(Part(0, 16, true), to: &reassembly, pool, at: 1)
    _ = add(Part(24, 8, true), to: &reassembly, pool, at: 30)
    let deadline = reassembly.deadline
    #expect(deadline == .at(31))
    let early = describe(reassembly.nextExpired(at: .at(30.9)))
    let late = describe(reassembly.nextExpired(at: .at(31)))
    let none = describe(reassembly.nextExpired(at: .at(31)))
    #expect(early == "none" && late == "36 bytes" && none == "none")
    _ = add(Part(24, 8, true), to: &reassembly, pool, at: 31)
    let silent = describe(reassembly.nextExpired(at: .at(61)))
    #expect(silent == "silent")
    let over = reassembly.deadline
    #expect(over == nil)
  }

  private func describe(_ expired: consuming Reassembly.Expired?) -> String {
    switch consume expired {
    case nil: "none"
    case .silent?: "silent"
    case .quotable(let packet, _)?: "\(packet.count) bytes"
    }
  }

  /// Whatever comes, nothing crashes and no buffer is lost; what is whole is
  /// right.
  @Test(arguments: 1...20 as ClosedRange<UInt64>)
  func random_parts(seed: UInt64) {
    var random = RandomNumbers(seed: SipHash.Key(seed, 1858))
    let pool = PacketPool(capacity: 2)
    var reassembly = Reassembly(limits: Limits())
    for _ in 0..<500 {
      let part = Part(
        Int(random.next() % 12) * 8,
        Int(random.next() % 33),
        random.next() % 4 != 0
      ).changed { $0.identification = UInt16(random.next() % 3) }
      let found = add(part, to: &reassembly, pool)
      #expect(found != "malformed" && !found.contains("wrong"), "seed \(seed)")
      #expect(pool.available == 2)
    }
    let count = reassembly.count
    #expect(count <= 3, "seed \(seed)")
  }
}
