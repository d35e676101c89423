import Net
import Packets
import Testing
import TestMachines

@testable import Apus

extension TestNetwork {
  /// Runs `app` with both systems until it returns and all has come to rest;
  /// then nobody waits, and every packet is back in its pool.
  func play(
    sourceLocation: SourceLocation = #_sourceLocation,
    _ app: @escaping @Sendable (System, System) async throws -> Void
  ) throws {
    let outcome = Box<Result<Void, any Error>?>(nil)
    let (client, server) = (client.system, server.system)
    let task = Task(executorPreference: executor) {
      do {
        try await app(client, server)
        outcome.value = .success(())
      } catch {
        outcome.value = .failure(error)
      }
    }
    do {
      try run(until: { outcome.value != nil }, mayEnd: false)
    } catch {
      // So that what is stuck ends, and the test says where.
      task.cancel()
      try? run(until: { outcome.value != nil })
      throw error
    }
    try outcome.value!.get()
    // No connection outlives its app for longer.
    try run(for: .seconds(400))
    for machine in [self.client, self.server] {
      #expect(
        machine.pool.available == machine.pool.capacity,
        "packets are lost",
        sourceLocation: sourceLocation
      )
      #expect(
        machine.host.waits.count == 0,
        "a task waits",
        sourceLocation: sourceLocation
      )
      #expect(
        machine.host.waits.deadline == nil,
        "a timer is left",
        sourceLocation: sourceLocation
      )
    }
  }

  /// Lets each machine know where the other is: of the packets that wait for
  /// ARP, only one is kept.
  func introduce() async throws {
    let (connection, peer) = try await connect(port: 1)
    connection.abort()
    #expect(await peer.isAtEnd())
  }

  /// Both ends of a new connection.
  func connect(port: UInt16 = 7) async throws -> (
    client: Connection, server: Connection
  ) {
    let listener = try server.system.network.listen(port: port)
    let connection = try await client.system.network.connect(
      to: server.endpoint(port)
    )
    return (connection, try #require(await listener.accept()))
  }

  /// From now on the wire loses every TCP segment.
  func loseSegments() {
    loses = { frame, _ in
      Array(frame[12..<14]) == [0x08, 0x00] && frame[23] == 6
    }
  }
}

/// A value that tasks share; they run on one thread.
final class Box<Value>: @unchecked Sendable {
  var value: Value

  init(_ value: Value) { self.value = value }
}

/// What `body` returns when its task is cancelled after `duration`.
func cancelled<Result: Sendable>(
  after duration: Duration,
  of system: System,
  _ body: @escaping @Sendable () async -> Result
) async -> Result {
  await withTaskGroup(of: Result.self) { group in
    group.addTask { await body() }
    await system.sleep(for: duration)
    group.cancelAll()
    return await group.next()!
  }
}

/// The error that `body` throws, if it throws one.
func failure(
  _ body: () async throws(NetworkError) -> Void
) async -> NetworkError? {
  do throws(NetworkError) {
    try await body()
    return nil
  } catch {
    return error
  }
}

/// `count` bytes that differ from their neighbours near and far.
func pattern(_ count: Int, seed: Int = 0) -> [UInt8] {
  (0..<count).map { UInt8(truncatingIfNeeded: ($0 &* 31) ^ ($0 >> 8) ^ seed) }
}

extension Connection {
  /// All that comes until the end.
  func readAll() async -> [UInt8] {
    var all: [UInt8] = []
    while let bytes = await read() { bytes.append(to: &all) }
    return all
  }

  /// Whether what comes next is the end; a byte that comes is lost.
  func isAtEnd() async -> Bool { await read() == nil }

  /// Whether there are bytes now; they are lost.
  func hasBytes() -> Bool { tryRead() != nil }

  /// The next `count` bytes, or fewer at the end.
  func read(count: Int) async -> [UInt8] {
    var all: [UInt8] = []
    while all.count < count, let bytes = await read() {
      bytes.append(to: &all)
    }
    return all
  }
}

extension ReceivedBytes {
  /// Puts a copy of the bytes behind `array`.
  func append(to array: inout [UInt8]) {
    for index in 0..<count { array.append(self[index]) }
  }
}

extension ReceivedDatagram {
  /// A copy of the bytes.
  var array: [UInt8] {
    let bytes = self.bytes
    return (0..<bytes.byteCount).map { bytes.byte(at: $0) }
  }
}

extension DatagramSocket {
  /// Sends the bytes of an array.
  func send(
    _ bytes: [UInt8],
    to endpoint: Endpoint
  ) async throws(NetworkError) {
    try await send(bytes.rawBytes, to: endpoint)
  }

  /// A copy of the next datagram.
  func receiveCopy(
    timeout: Duration? = nil
  ) async -> (source: Endpoint, bytes: [UInt8])? {
    guard let datagram = await receive(timeout: timeout) else { return nil }
    return (datagram.source, datagram.array)
  }
}
