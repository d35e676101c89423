import Apus
import Net

/// Two machines on a wire, the tasks that run on them, and the time: all on the
/// thread of the test, so that the same test does the same every time.
///
///     client 10.0.0.1 ---- wire: latency, loss ---- 10.0.0.2 server
///
/// Time passes only when nothing is left to be done, and then it leaps to the
/// next thing that is due.
///
/// `@unchecked Sendable` rests on that one thread.
public final class TestNetwork: @unchecked Sendable {
  /// A frame on its way.
  private struct Frame {
    var arrival: Instant
    var isForServer: Bool
    var bytes: [UInt8]
  }

  /// What a machine is made with, beside its addresses.
  public struct Options {
    /// The packets in its pool: more than a few full windows.
    public var packets = 2048
    /// The limits of its stack.
    public var limits = Limits()
    /// The limits of its TCP.
    public var tcpLimits = TCPLimits()
    /// The DNS servers of its lease.
    public var nameServers: [IPv4Address] = []
    /// The domains that its short names are looked for in.
    public var searchList = SearchList()
    /// The time servers of its lease.
    public var timeServers: [IPv4Address] = []
    /// Whether it has an address from the start.
    public var hasAddress = true
    /// The defaults.
    public init() {}
  }

  /// Runs all tasks.
  public let executor = TestExecutor()
  /// The machine on the left, 10.0.0.1.
  public let client: TestMachine
  /// The machine on the right, 10.0.0.2.
  public let server: TestMachine
  /// How long a frame is on its way.
  public var latency = Interval.milliseconds(1)
  /// How many frames of a machine the wire holds; it sends no more meanwhile.
  public var ringSize = 256
  /// Whether the wire loses the frame, which the client or the server sent.
  public var loses: (_ frame: [UInt8], _ isFromClient: Bool) -> Bool = {
    _,
    _ in false
  }

  private let clock = TestClock()
  private var wire: [Frame] = []

  /// Two machines that have nothing to do yet.
  public init(client: Options = Options(), server: Options = Options()) {
    self.client = Self.makeMachine(1, client, clock)
    self.server = Self.makeMachine(2, server, clock)
  }

  private static func makeMachine(
    _ number: UInt8,
    _ options: Options,
    _ clock: TestClock
  ) -> TestMachine {
    var configuration = StackConfiguration(
      macAddress: MACAddress(bits: 0x0200_0000_0000 + UInt64(number)),
      seed: SipHash.Key(UInt64(number), 0x0123_4567_89AB_CDEF)
    )
    configuration.limits = options.limits
    configuration.tcpLimits = options.tcpLimits
    let address = IPv4Address(10, 0, 0, number)
    if options.hasAddress {
      var lease = Lease(
        address: address,
        prefixLength: 24,
        nameServers: options.nameServers
      )
      lease.searchList = options.searchList
      lease.timeServers = options.timeServers
      configuration.addressing = .fixed(lease)
      configuration.limits.conflict = .unchecked
    }
    return TestMachine(
      configuration,
      address: address,
      packets: options.packets,
      clock: clock
    )
  }

  /// The time.
  public var now: Instant { clock.now }

  /// How much time has passed since `start`.
  public func elapsed(since start: Instant) -> Duration {
    .nanoseconds((now - start).nanoseconds)
  }

  /// Puts a frame on the wire that neither machine has sent.
  public func send(_ frame: [UInt8], toServer isForServer: Bool) {
    wire.append(
      Frame(arrival: now + latency, isForServer: isForServer, bytes: frame)
    )
  }

  // MARK: Running

  /// Why a run ended before its time.
  public enum Stuck: Error {
    /// Nothing is under way and no time is awaited, but `isDone` does not hold:
    /// a task sleeps that nobody will wake.
    case asleep
    /// An hour has passed, or more turns than any test needs: something goes
    /// on and on.
    case busy
  }

  private static let mostTurns = 200_000

  /// Lets everything happen until `isDone`, or, without it, until nothing is
  /// left to happen.
  public func run(
    for duration: Interval? = nil,
    until isDone: () -> Bool = { false },
    mayEnd: Bool = true
  ) throws(Stuck) {
    let end = duration.map { now + $0 }
    let latest = now + .seconds(3600)
    for _ in 0..<Self.mostTurns {
      turn()
      if isDone() { return }
      if executor.hasReadyJobs { continue }
      guard let next = nextInstant else {
        if let end { clock.advance(to: end) }
        if mayEnd { return }
        throw .asleep
      }
      if let end, next > end {
        clock.advance(to: end)
        return
      }
      if next > latest { break }
      clock.advance(to: next)
    }
    throw .busy
  }

  /// One turn of both machines, in the order of the kernel's loop. A machine
  /// that nothing has happened to sleeps on: what its last turn left undone
  /// stays undone, as it would on the real one.
  private func turn() {
    let arrived = takeArrived()
    for isServer in [false, true] {
      let machine = isServer ? server : client
      let frames = arrived.filter { $0.isForServer == isServer }
      let isDue = machine.host.deadline.map { $0 <= now } ?? false
      guard isDue || !frames.isEmpty || executor.hasReadyJobs else { continue }
      for frame in frames { machine.receive(frame.bytes, at: now) }
      machine.host.poll(at: now)
    }
    executor.runReadyJobs()
    transmit(from: client, isClient: true)
    transmit(from: server, isClient: false)
  }

  private func takeArrived() -> [Frame] {
    guard wire.contains(where: { $0.arrival <= now }) else { return [] }
    let arrived = wire.filter { $0.arrival <= now }
    wire.removeAll { $0.arrival <= now }
    return arrived
  }

  private func transmit(from machine: TestMachine, isClient: Bool) {
    var room = ringSize - wire.count { $0.isForServer == isClient }
    while room > 0, let bytes = machine.transmit(at: now) {
      if loses(bytes, isClient) { continue }
      room -= 1
      wire.append(
        Frame(arrival: now + latency, isForServer: isClient, bytes: bytes)
      )
    }
  }

  private var nextInstant: Instant? {
    let instants = [
      wire.map(\.arrival).min(), client.host.deadline, server.host.deadline,
    ]
    return instants.compactMap { $0 }.min()
  }
}
