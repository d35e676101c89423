import GuestHarness
import Testing

/// The Demo among many connections.
@Suite(.whereTAPIsAllowed) struct CrowdTests {
  private static let silent = 10_000
  private static let busy = 1000

  /// What a silent connection may cost, the app's task included, and what of it
  /// is the stack's, with the app's place in the table of waits: that stays when
  /// the connection is gone, for the next.
  private static let mostBytes = 2560
  private static let mostBytesOfStack = 1024

  /// The page itself and what the allocator keeps.
  private static let slack = 64 << 10

  /// Packets that may be with the device, or wait there until others are.
  private static let withDevice = 300

  private static var options: GuestOptions {
    var options = GuestOptions()
    options.memory = 64
    options.timeout = 400
    return options
  }

  @Test("10,000 silent connections and 1,000 busy ones in 64 MiB")
  func crowd() async throws {
    try await TAPNetwork.with { network in
      try await TAPDemo.with(Self.options, on: network) { demo in
        // What is made for the first crowd is there for the second.
        let first = try await Self.gather(demo)
        let cost = (first.idle.heap - first.rest.heap) / Self.silent
        let kept =
          (first.end.heap - first.rest.heap) / (Self.silent + Self.busy)
        print(
          "a silent connection costs \(cost) bytes, \(kept) of which are the"
            + " stack's"
        )
        #expect(cost < Self.mostBytes)
        #expect(kept < Self.mostBytesOfStack)
        let second = try await Self.gather(demo)
        let lost = second.end.heap - first.end.heap
        print("after the second crowd, \(lost) bytes more are in use")
        #expect(lost < Self.slack, "\(lost) bytes are lost")
      }
    }
  }

  /// What is asserted of the guest at a point.
  private struct Point {
    let connections: Int
    let heap: Int
    let mostHeap: Int
    let allHeap: Int
    let packets: Int
    let receiveBuffers: Int
    let sendBytes: Int
    /// Connections that did not fit, or were given up.
    let failures: Int

    init(_ status: GuestStatus?) throws {
      let status = try #require(status)
      connections = status.connectionCount
      heap = try status.counter("heap: bytes in use")
      mostHeap = try status.counter("heap: most bytes in use")
      allHeap = try status.counter("heap: bytes")
      packets = try status.counter("memory: packets in use")
      receiveBuffers = try status.counter("memory: receive buffers in use")
      sendBytes = try status.counter("memory: bytes of send buffers in use")
      failures = try ["tcp: table full", "tcp: connections timed out"]
        .reduce(0) { try $0 + status.counter($1) }
    }
  }

  /// Lets a crowd come and go.
  ///
  /// - Returns: What the guest said before, among the silent ones, and after.
  private static func gather(
    _ demo: TAPDemo
  ) async throws -> (rest: Point, idle: Point, end: Point) {
    let said = try await demo.crowd(silent: silent, busy: busy, within: 140)
    let rest = try Point(said["rest"])
    let idle = try Point(said["idle"])
    let open = try Point(said["open"])
    let after = try Point(said["after"])
    let end = try Point(said["end"])
    let own = 1
    #expect(rest.connections == own)
    #expect(idle.connections == silent + own)
    #expect(open.connections == silent + busy + own)
    #expect(after.connections == silent + own)
    #expect(end.connections == own)
    #expect(end.failures == rest.failures)
    // Silent ones hold no buffer, neither of what they sent nor of what came.
    for point in [idle, open, end] {
      #expect(point.packets <= rest.packets + withDevice)
      #expect(point.receiveBuffers <= rest.receiveBuffers + withDevice)
      #expect(point.sendBytes <= slack)
    }
    print("the heap had \(end.mostHeap) of \(end.allHeap) bytes in use at most")
    #expect(end.mostHeap < end.allHeap * 3 / 4)
    return (rest, idle, end)
  }
}
