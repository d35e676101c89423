import Net
import Packets

/// One end of a connection, which does what its plan says and looks at every
/// byte that comes.
package final class Flow {
  package enum State: Equatable, Sendable {
    case running
    /// All was sent and has come, and both ends are closed.
    case done
    /// It has ended with a reset, as planned.
    case aborted
    case failed(NetworkError)
  }

  package let id: ConnectionID
  package let plan: Plan
  package private(set) var state = State.running
  package private(set) var written = 0
  package private(set) var read = 0
  /// When it was over.
  package private(set) var end: Instant?
  private var isClosed = false
  private var sawEnd = false
  private let outgoing: Pattern
  private let incoming: Pattern
  private var nextRead: Instant?
  private var nextWrite: Instant?
  private var isSetUp = false

  /// The patterns are numbered by who writes them.
  init(_ id: ConnectionID, _ plan: Plan, writes: Int, reads: Int) {
    self.id = id
    self.plan = plan
    outgoing = Pattern(writes)
    incoming = Pattern(reads)
    if case .from(let instant) = plan.reading { nextRead = instant }
  }

  package var isOver: Bool { state != .running }

  /// When it wants to be run without being told of anything.
  var deadline: Instant? {
    guard !isOver else { return nil }
    guard let nextRead, let nextWrite else { return nextRead ?? nextWrite }
    return min(nextRead, nextWrite)
  }

  /// Ends it with a reset, whatever the plan.
  func abort(_ stack: inout Stack, at now: Instant) {
    guard !isOver else { return }
    stack.abort(id, at: now)
    stack.release(id, at: now)
    finish(.aborted, at: now)
  }

  /// Does what can be done.
  func run(_ stack: inout Stack, at now: Instant) throws(Failure) {
    guard state == .running else { return }
    // A close before the handshake is complete would give the connection up.
    guard stack.state(of: id) != .synSent else { return }
    if !isSetUp {
      isSetUp = true
      if plan.isWithoutDelay { stack.setNoDelay(id, true, at: now) }
    }
    try readAll(&stack, at: now)
    guard state == .running else { return }
    try writeAll(&stack, at: now)
    guard state == .running else { return }
    if !isClosed, written == plan.sends, plan.closesFirst || sawEnd {
      stack.close(id, at: now)
      isClosed = true
    }
    guard isClosed, sawEnd else { return }
    try require(
      read == plan.receives,
      "\(read) bytes came, of \(plan.receives)"
    )
    stack.release(id, at: now)
    finish(.done, at: now)
  }

  private func finish(_ state: State, at now: Instant) {
    self.state = state
    end = now
  }

  // MARK: Reading

  private func readAll(_ stack: inout Stack, at now: Instant) throws(Failure) {
    var most = Int.max
    switch plan.reading {
    case .atOnce: break
    case .never: return
    case .from(let instant):
      guard instant <= now else { return }
      nextRead = nil
    case .slowly(let bytes, let interval):
      if let nextRead, nextRead > now { return }
      nextRead = now + interval
      most = bytes
    }
    let limit = most == .max ? most : read + most
    while state == .running, !sawEnd, read < limit {
      guard try readOnce(&stack, at: now) else { return }
    }
  }

  private func readOnce(
    _ stack: inout Stack,
    at now: Instant
  ) throws(Failure) -> Bool {
    switch stack.read(id, at: now) {
    case .bytes(let packet):
      try take(packet)
      if let limit = plan.abortsAfter, read >= limit {
        abort(&stack, at: now)
      }
      return true
    case .wouldBlock:
      return false
    case .endOfStream:
      sawEnd = true
      return true
    case .failed(let error):
      stack.release(id, at: now)
      finish(.failed(error), at: now)
      return false
    }
  }

  private func take(_ packet: borrowing PacketBuffer) throws(Failure) {
    let place = incoming.firstDifference(packet.bytes, at: read)
    try require(place == nil, "a wrong byte at \(place ?? 0)")
    read += packet.count
    try require(
      read <= plan.receives,
      "\(read) bytes came, of \(plan.receives)"
    )
  }

  // MARK: Writing

  /// How many bytes may be written by now.
  private var allowance: Int {
    switch plan.pace {
    case .freely, .steadily: plan.sends
    case .requests(let size, let answers):
      min(plan.sends, (read / answers + 1) * size)
    case .answers(let size, let requests):
      min(plan.sends, read / requests * size)
    case .afterEnd: sawEnd ? plan.sends : 0
    }
  }

  private func writeAll(_ stack: inout Stack, at now: Instant) throws(Failure) {
    var allowance = allowance
    if case .steadily(let interval) = plan.pace {
      if let nextWrite, nextWrite > now { return }
      allowance = min(allowance, written + plan.writeSize)
      nextWrite = allowance < plan.sends ? now + interval : nil
    }
    while written < allowance {
      let size = min(plan.writeSize, allowance - written)
      let count: Int
      do throws(NetworkError) {
        count = try write(&stack, size, at: now)
      } catch {
        stack.release(id, at: now)
        return finish(.failed(error), at: now)
      }
      written += count
      if count < size { return }
    }
  }

  private func write(
    _ stack: inout Stack,
    _ size: Int,
    at now: Instant
  ) throws(NetworkError) -> Int {
    try stack.write(
      outgoing.bytes(at: written, size),
      to: id,
      at: now
    )
  }
}
