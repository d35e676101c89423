import Synchronization

/// What a device has done and seen.
public struct Report: Sendable {
  /// How often the driver has started its rings.
  public internal(set) var starts = 0
  /// The features that the driver has accepted.
  public internal(set) var features: DeviceFeatures = []
  /// How often the guest was given its lease.
  public internal(set) var leases = 0
  /// Frames of the guest.
  public internal(set) var framesFromGuest = 0
  /// Frames given to the guest.
  public internal(set) var framesToGuest = 0
  /// Frames that the guest had no room for.
  public internal(set) var framesDropped = 0
  /// Pings that the guest has answered.
  public internal(set) var pongs = 0
  /// The same, since the last lie was told.
  public internal(set) var pongsSinceLie = 0
  /// How often the present lie was told.
  public internal(set) var liesTold = 0
  /// How often it is yet to be told.
  public internal(set) var liesLeft = 0
  /// How many exchanges have come to their end.
  public internal(set) var exchanges = 0
  /// What the driver or QEMU did that the standards do not allow.
  public internal(set) var violations: [String] = []
}

/// Where the device's thread and those who watch it meet.
final class Board: Sendable {
  private struct State {
    var report = Report()
    var lie: (Lie, times: Int)?
    var order: Exchange.Order?
    var orderCount = 0
    /// The last exchange that came to its end, and what was received.
    var finished: (identifier: Int, bytes: [UInt8])?
    var isOver = false
    var readers: [Int: AsyncStream<Report>.Continuation] = [:]
    var nextReader = 0
  }

  private let state = Mutex(State())

  // MARK: The device's side

  /// Changes the report, and shows it to those who wait.
  func update(_ change: (inout Report) -> Void) {
    state.withLock { state in
      change(&state.report)
      for reader in state.readers.values { reader.yield(state.report) }
    }
  }

  /// The lie that is to be told from now on, if there is a new one.
  func takeLie() -> (Lie, times: Int)? {
    state.withLock { state in
      defer { state.lie = nil }
      return state.lie
    }
  }

  /// The exchange that is to begin now, if there is a new one.
  func takeExchange() -> Exchange.Order? {
    state.withLock { state in
      defer { state.order = nil }
      return state.order
    }
  }

  /// Notes that an exchange has come to its end; once is enough.
  func finish(_ exchange: Exchange) {
    state.withLock { state in
      guard state.finished?.identifier != exchange.identifier else { return }
      state.finished = (exchange.identifier, exchange.received)
      state.report.exchanges += 1
      for reader in state.readers.values { reader.yield(state.report) }
    }
  }

  /// Whether the device is to end.
  var isOver: Bool { state.withLock { $0.isOver } }

  // MARK: The other side

  /// The report as it is.
  var report: Report { state.withLock { $0.report } }

  func tell(_ lie: Lie, times: Int) {
    state.withLock { state in
      state.lie = (lie, times)
      state.report.liesTold = 0
      state.report.liesLeft = times
      state.report.pongsSinceLie = 0
    }
  }

  /// Orders an exchange, and gives its identifier.
  func order(port: UInt16, bytes: [UInt8]) -> Int {
    state.withLock { state in
      state.orderCount += 1
      state.order = Exchange.Order(
        identifier: state.orderCount,
        port: port,
        bytes: bytes
      )
      return state.orderCount
    }
  }

  /// What the exchange has received, if it has come to its end.
  func result(of identifier: Int) -> [UInt8]? {
    state.withLock { state in
      state.finished.flatMap {
        $0.identifier == identifier ? $0.bytes : nil
      }
    }
  }

  /// The device is to end, or has ended.
  func end() {
    // Finished outside of the lock, which `onTermination` takes.
    let readers = state.withLock { state in
      state.isOver = true
      return Array(state.readers.values)
    }
    for reader in readers { reader.finish() }
  }

  /// The report now and whenever it changes, until the device ends.
  func reader() -> AsyncStream<Report> {
    AsyncStream(bufferingPolicy: .bufferingNewest(1)) { continuation in
      let identifier: Int? = state.withLock { state in
        continuation.yield(state.report)
        guard !state.isOver else {
          continuation.finish()
          return nil
        }
        state.nextReader += 1
        state.readers[state.nextReader] = continuation
        return state.nextReader
      }
      guard let identifier else { return }
      continuation.onTermination = { [weak self] _ in
        self?.forget(reader: identifier)
      }
    }
  }

  private func forget(reader: Int) {
    state.withLock { _ = $0.readers.removeValue(forKey: reader) }
  }
}
