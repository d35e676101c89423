import Foundation
import Packets
import Testing

@testable import Net

/// What connections hold that have nothing to do.
@Suite struct TCPIdleTests {
  /// 64 of them are the largest allocation.
  @Test func slot_isUnder768Bytes() {
    #expect(MemoryLayout<TCP.Slot>.stride <= 768)
  }

  static var limits: TCPLimits {
    var limits = TCPHarness.limits
    limits.connections = 10_000
    return limits
  }

  /// Opens a connection from `port`, on which a request came in two halves, the
  /// second first, and was answered. All is acknowledged.
  static func open(
    _ harness: TCPHarness,
    _ listener: ListenerID,
    from port: UInt16
  ) -> ConnectionID {
    harness.remotePort = port
    harness.receive(
      Segment(.syn, 0, mss: 1000, scale: 7, stamp: (1, 0), permitsSACK: true)
    )
    _ = harness.learnInitial()
    harness.receive(Segment([], 1, ack: 1, stamp: (2, 0)))
    let id = harness.accept(listener)!
    harness.receive(Segment([], 101, ack: 1, stamp: (3, 0), pattern(100)))
    harness.receive(Segment([], 1, ack: 1, stamp: (4, 0), pattern(100)))
    while case .bytes = harness.read(id) {}
    _ = try! harness.write(id, pattern(3000))
    while harness.transmit() != nil {}
    harness.receive(Segment([], 201, ack: 3001, stamp: (5, 0)))
    _ = harness.events()
    harness.packets.removeAll()
    return id
  }

  /// Its slot, and of lists, tables, timers and whatever else there is: what a
  /// process that does nothing else has more of.
  @Test func connection_holdsAKibibyteInAll() async {
    let result = await #expect(
      processExitsWith: .success,
      observing: [\.standardErrorContent]
    ) {
      let count = 10_000
      // What all share, and the first brings with it.
      _ = Self.established(1)
      let before = Self.memory()
      let harness = Self.established(count)
      let held = (Self.memory() - before) / count
      FileHandle.standardError.write(
        Data(
          """
          an idle connection holds \(held) bytes in all, its slot \
          \(MemoryLayout<TCP.Slot>.stride)
          """.utf8
        )
      )
      precondition(harness.tcp.connectionCount == count)
      precondition(harness.pool.available == harness.pool.capacity)
      precondition(harness.tcp.blocks.memoryInUse == 0)
      precondition(held <= 1024)
      precondition(held >= MemoryLayout<TCP.Slot>.stride)
    }
    let text = result.map {
      String(decoding: $0.standardErrorContent, as: UTF8.self)
    }
    print(text ?? "")
  }

  /// `count` connections that are idle, delayed acknowledgements and whatever
  /// else there is being over.
  static func established(_ count: Int) -> TCPHarness {
    let harness = TCPHarness(limits: limits)
    let listener = try! harness.listen(backlog: 1)
    for port in 1...count {
      _ = open(harness, listener, from: UInt16(port))
    }
    harness.wait(60_000)
    precondition(harness.transmit() == nil)
    return harness
  }

  /// The bytes that the process has of its own: what the heap keeps for itself
  /// included.
  static func memory() -> Int {
    let text = try! String(contentsOfFile: "/proc/self/statm", encoding: .utf8)
    let pages = text.split(separator: " ").map { Int($0) ?? 0 }
    // All that is resident, less what is of files.
    return (pages[1] - pages[2]) * sysconf(Int32(_SC_PAGESIZE))
  }
}
