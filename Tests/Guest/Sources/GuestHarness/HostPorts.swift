import NIOCore
import NIOPosix
import Synchronization

/// Ports of this machine that nobody has.
public enum HostPorts {
  /// Below the ports that Linux gives to clients (32768 to 60999), so that no
  /// connection of the tests takes one in the meantime.
  private static let range = 20_000..<32_000

  private static let taken = Mutex<Set<Int>>([])

  /// None of the range is free.
  public struct Exhausted: Error {}

  /// A port that is free for TCP and for UDP, and that this run has not used.
  public static func reserve() async throws -> Int {
    // Runs side by side begin at different ports.
    for port in range.shuffled() {
      guard taken.withLock({ $0.insert(port).inserted }) else { continue }
      if await isFree(port) { return port }
    }
    throw Exhausted()
  }

  private static func isFree(_ port: Int) async -> Bool {
    do {
      try await withBoundPort(port) {}
      let socket = try await DatagramBootstrap(
        group: .singletonMultiThreadedEventLoopGroup
      ).bind(host: "0.0.0.0", port: port).get()
      try await socket.close()
      return true
    } catch {
      return false
    }
  }

  /// Keeps `port` busy for TCP while `body` runs.
  public static func withBoundPort<Result>(
    _ port: Int,
    _ body: () async throws -> Result
  ) async throws -> Result {
    let socket = try await ServerBootstrap(
      group: .singletonMultiThreadedEventLoopGroup
    ).bind(host: "0.0.0.0", port: port).get()
    do {
      let result = try await body()
      try await socket.close()
      return result
    } catch {
      try await socket.close()
      throw error
    }
  }
}
