import Net
import Packets
import _Concurrency

/// A TCP connection.
///
/// Whatever ends it, reading ends: ``read(timeout:)`` returns `nil`, and
/// ``failure`` says why, if it was not the peer's orderly close. A task that is
/// cancelled, or times out, inside a read or a write aborts the connection. The
/// end of the value closes it.
///
/// Reading and writing may go on in two tasks at once, one each.
public final class Connection: @unchecked Sendable {
  let id: ConnectionID
  private let host: Host

  /// Why the connection ended, when that was not an orderly close.
  public private(set) var failure: NetworkError?

  init(id: ConnectionID, host: Host) {
    self.id = id
    self.host = host
  }

  deinit { host.stack.release(id, at: host.now) }

  /// This end; `nil` once the connection is over.
  public var local: Endpoint? { host.stack.local(of: id) }
  /// The other end; `nil` once the connection is over.
  public var remote: Endpoint? { host.stack.remote(of: id) }
  /// State, windows, round-trip time, what is under way; `nil` once the
  /// connection is over and forgotten.
  public var information: TCPInformation? { host.stack.information(of: id) }

  // MARK: Reading

  /// The next bytes; waits for them.
  ///
  /// - Parameter timeout: How long to wait; `nil` for ever.
  /// - Returns: `nil` at the end: see ``Connection``.
  public func read(timeout: Duration? = nil) async -> ReceivedBytes? {
    var deadline: Instant?
    while true {
      let now = host.now
      switch host.stack.read(id, at: now) {
      case .bytes(let packet): return ReceivedBytes(packet: packet)
      case .endOfStream: return nil
      case .failed(let error):
        note(error)
        return nil
      case .wouldBlock:
        // Not worth while for bytes that are there.
        if deadline == nil, let timeout { deadline = now + Interval(timeout) }
        guard await wait(for: .readable(id), until: deadline) else {
          return nil
        }
      }
    }
  }

  /// The next bytes if there are any now.
  public func tryRead() -> ReceivedBytes? {
    switch host.stack.read(id, at: host.now) {
    case .bytes(let packet): return ReceivedBytes(packet: packet)
    case .endOfStream: return nil
    case .wouldBlock: return nil
    case .failed(let error):
      note(error)
      return nil
    }
  }

  /// Waits for the next bytes and lends them to `body`, uncopied; afterwards
  /// they are gone.
  ///
  /// - Returns: What `body` returned; `nil` at the end.
  public func withReadableBytes<Result>(
    timeout: Duration? = nil,
    _ body: (RawSpan) -> Result
  ) async -> Result? {
    guard let bytes = await read(timeout: timeout) else { return nil }
    return body(bytes.bytes)
  }

  // MARK: Writing

  /// Writes all of `bytes`; waits while there is no room for them.
  ///
  /// - Parameters:
  ///   - bytes: What to send.
  ///   - timeout: How long to wait in all; `nil` for ever.
  /// - Returns: Whether all were taken. When not, the connection is over, or
  ///   its sending end closed.
  @discardableResult
  public func write(
    _ bytes: RawSpan,
    timeout: Duration? = nil
  ) async -> Bool {
    var deadline: Instant?
    var written = 0
    while true {
      let now = host.now
      do throws(NetworkError) {
        written += try host.stack.write(
          bytes.extracting(droppingFirst: written),
          to: id,
          at: now
        )
      } catch {
        noteWriting(error)
        return false
      }
      if written == bytes.byteCount { return true }
      if deadline == nil, let timeout { deadline = now + Interval(timeout) }
      guard await wait(for: .writable(id), until: deadline) else {
        return false
      }
    }
  }

  /// Writes all of `bytes`; see ``write(_:timeout:)-(RawSpan,_)``.
  @discardableResult
  public func write(
    _ bytes: borrowing ReceivedBytes,
    timeout: Duration? = nil
  ) async -> Bool {
    await write(bytes.bytes, timeout: timeout)
  }

  /// Writes all of `bytes`, which are not copied where the device can send them
  /// from the memory that they came in; see ``write(_:timeout:)-(RawSpan,_)``.
  @discardableResult
  public func write(
    consuming bytes: consuming ReceivedBytes,
    timeout: Duration? = nil
  ) async -> Bool {
    let deadline = timeout.map { host.now + Interval($0) }
    var queue = PacketQueue()
    queue.append(bytes.packet)
    while let packet = queue.popFirst() {
      do throws(NetworkError) {
        if let rest = try host.stack.write(
          consuming: packet,
          to: id,
          at: host.now
        ) {
          queue.append(rest)
        }
      } catch {
        noteWriting(error)
        return false
      }
      if queue.isEmpty { return true }
      guard await wait(for: .writable(id), until: deadline) else {
        return false
      }
    }
    return true
  }

  /// Writes all of `bytes`; see ``write(_:timeout:)-(RawSpan,_)``.
  @discardableResult
  public func write(_ bytes: [UInt8], timeout: Duration? = nil) async -> Bool {
    await write(bytes.rawBytes, timeout: timeout)
  }

  /// Writes as much of `bytes` as there is room for now.
  ///
  /// - Returns: How many were taken: 0 when there is no room, or when writing
  ///   is over.
  public func tryWrite(_ bytes: RawSpan) -> Int {
    do throws(NetworkError) {
      return try host.stack.write(bytes, to: id, at: host.now)
    } catch {
      noteWriting(error)
      return 0
    }
  }

  /// Whether small writes are sent at once instead of waiting to be joined
  /// (Nagle's algorithm, RFC 9293 §3.7.4). They wait by default.
  public func setNoDelay(_ noDelay: Bool) {
    host.stack.setNoDelay(id, noDelay, at: host.now)
  }

  /// Whether small writes wait for what is written next: for 200 ms at most.
  /// For an answer that is written in several parts.
  public func cork(_ isCorked: Bool) {
    host.stack.setCork(id, isCorked, at: host.now)
  }

  /// Asks a peer that has nothing to say for `idle` whether it is still there,
  /// by probes that its machine answers; when it does not, the connection fails
  /// with `timedOut`. `nil`, as is the default: does not ask. Two hours are
  /// usual; RFC 9293 §3.8.4.
  ///
  /// - Parameters:
  ///   - idle: How long the peer may be silent, in whole seconds.
  ///   - interval: How long an answer may take until the next probe, in whole
  ///     seconds; 75 unless given.
  ///   - probes: So many that are not answered end it; nine unless given.
  public func setKeepalive(
    after idle: Duration?,
    every interval: Duration? = nil,
    probes: Int? = nil
  ) {
    host.stack.setKeepalive(
      id,
      after: idle.map { Interval($0) },
      every: interval.map { Interval($0) },
      probes: probes,
      at: host.now
    )
  }

  /// How long the peer may leave what was sent unanswered, or take none of what
  /// is to be sent, until the connection fails with `timedOut`; `nil`, as is the
  /// default: 100 seconds, and a peer that answers may take its time. RFC 9293
  /// §3.8.3, §3.9.1.1.
  public func setUserTimeout(_ timeout: Duration?) {
    host.stack.setUserTimeout(
      id,
      timeout.map { Interval($0) },
      at: host.now
    )
  }

  /// How routers are to treat what is sent from now on; see
  /// ``Net/ConnectionOptions``.
  public func setDifferentiatedServices(_ services: DifferentiatedServices) {
    host.stack.setDifferentiatedServices(id, services)
  }

  /// How many routers may pass on what is sent from now on; 64 unless said
  /// otherwise, and at least one.
  public func setTimeToLive(_ value: UInt8) {
    host.stack.setTimeToLive(id, value)
  }

  // MARK: Ending

  /// Sends what was written and then the end of the stream; a write that still
  /// waits for room ends. Reading goes on until the peer's end.
  public func close() {
    host.stack.close(id, at: host.now)
    host.wakeWriters(of: id)
  }

  /// Ends both directions at once with a reset; what was not sent or read is
  /// lost. ``failure`` is then `reset`, unless the connection was over.
  public func abort() { fail(.reset) }

  /// Aborts, for the reason `error`.
  func fail(_ error: NetworkError) {
    // What is over has its own reason, or needs none.
    if isOver { _ = tryRead() } else { note(error) }
    host.stack.abort(id, at: host.now)
    host.wakeAll(of: id)
  }

  /// Whether both ends are closed, or the connection failed.
  private var isOver: Bool {
    switch host.stack.state(of: id) {
    case nil, .closed, .timeWait: true
    default: false
    }
  }

  /// Why the connection is over before anyone read or wrote; `nil` when it is
  /// not.
  var failureToConnect: NetworkError? {
    guard host.stack.state(of: id) ?? .closed == .closed else { return nil }
    _ = tryRead()
    return failure ?? .reset
  }

  private func note(_ error: NetworkError) {
    // The first reason is the reason; the rest follows from it.
    if failure == nil { failure = error }
  }

  private func noteWriting(_ error: NetworkError) {
    // To have closed the sending end is no failure.
    if error != .closed { note(error) }
  }

  /// Whether the wait ended because `event` happened. When not, aborts.
  private func wait(
    for event: WaitEvent,
    until deadline: Instant?
  ) async -> Bool {
    switch await host.wait(for: event, until: deadline) {
    case .ready: return true
    case .timedOut: fail(.timedOut)
    case .cancelled: fail(.cancelled)
    }
    return false
  }
}
