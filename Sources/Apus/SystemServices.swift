import Net
import Packets
import _Concurrency

/// What the machine does beside the app: asks the time servers of its leases what
/// time it is.
///
/// The kernel starts it with the app; it follows the leases as they come and go,
/// and ends when its task is cancelled.
public struct SystemServices: Sendable {
  private let host: Host
  /// Serves a lease of an interface in another way, until its task is cancelled.
  private let other: (@Sendable (Lease, Int) async -> Void)?

  /// The services of `host`.
  ///
  /// - Parameter other: Serves a lease of an interface beside them, until its
  ///   task is cancelled; who passes nothing has no code for it in the image.
  public init(
    host: Host,
    beside other: (@Sendable (Lease, Int) async -> Void)? = nil
  ) {
    self.host = host
    self.other = other
  }

  /// Serves until the task is cancelled.
  public func run() async {
    await withDiscardingTaskGroup { tasks in
      tasks.addTask { await keepTime() }
      guard let other else { return }
      var count = 0
      repeat {
        // Devices may come while the machine runs.
        while count < host.interfaces.count {
          let interface = count
          tasks.addTask { await serve(interface, other) }
          count += 1
        }
      } while await host.wait(for: .bound, until: nil) == .ready
    }
  }

  /// Serves one lease of `interface` after the other.
  private func serve(
    _ interface: Int,
    _ other: @escaping @Sendable (Lease, Int) async -> Void
  ) async {
    while !Task.isCancelled {
      guard let lease = host.lease(of: interface) else {
        _ = await host.wait(for: .bound, until: nil)
        continue
      }
      await withDiscardingTaskGroup { tasks in
        tasks.addTask { await other(lease, interface) }
        while host.lease(of: interface)?.address == lease.address,
          await host.wait(for: .bound, until: nil) == .ready
        {}
        tasks.cancelAll()
      }
    }
  }

  // MARK: The time

  private func keepTime() async {
    while !Task.isCancelled {
      let servers = host.timeServers
      await withDiscardingTaskGroup { tasks in
        tasks.addTask { await keepTime(servers) }
        // Until other servers tell the time, or none.
        while host.timeServers == servers,
          await host.wait(for: .bound, until: nil) == .ready
        {}
        tasks.cancelAll()
      }
    }
  }

  private func keepTime(_ servers: [IPAddress]) async {
    var client = SNTPClient(
      servers: servers,
      random: host.stack.makeRandomNumbers(),
      at: host.now
    )
    while let deadline = client.deadline, !Task.isCancelled {
      guard let request = client.poll(at: host.now) else {
        _ = await host.wait(for: .time, until: deadline)
        continue
      }
      await ask(request, &client)
    }
  }

  private func ask(
    _ request: SNTPClient.Request,
    _ client: inout SNTPClient
  ) async {
    let socket: DatagramSocket
    do throws(NetworkError) {
      socket = try Network(host: host).bind()
      try await socket.send(request.message.rawBytes, to: request.server)
    } catch {
      // As good as silence: the next server's turn comes.
      return
    }
    while client.isWaiting, let deadline = client.deadline {
      let patience = max((deadline - host.now).nanoseconds, 0)
      guard
        let datagram = await socket.receive(timeout: .nanoseconds(patience))
      else { break }
      do throws(SNTPError) {
        try client.receive(
          datagram.bytes,
          from: datagram.source,
          at: host.now
        )
      } catch {
        host.timeKeeper.count(error)
      }
    }
    socket.close()
    guard let date = client.date(at: host.now) else { return }
    host.timeKeeper.set(date, at: host.now)
    host.wakeAnswered()
  }
}
