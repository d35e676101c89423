import Net
import Packets
import _Concurrency

/// What the machine does beside the app: asks the time servers of the lease what
/// time it is.
///
/// The kernel starts it with the app; it serves one lease after the other, and
/// ends when its task is cancelled.
public struct SystemServices: Sendable {
  private let host: Host
  /// Serves a lease in another way, until its task is cancelled.
  private let other: (@Sendable (Lease) async -> Void)?

  /// The services of `host`.
  ///
  /// - Parameter other: Serves a lease beside them, until its task is
  ///   cancelled; who passes nothing has no code for it in the image.
  public init(
    host: Host,
    beside other: (@Sendable (Lease) async -> Void)? = nil
  ) {
    self.host = host
    self.other = other
  }

  /// Serves until the task is cancelled.
  public func run() async {
    while !Task.isCancelled {
      guard let lease = await Network(host: host).waitUntilBound() else {
        return
      }
      await serve(lease)
    }
  }

  private func serve(_ lease: Lease) async {
    let (address, servers) = (lease.address, lease.timeServers)
    await withDiscardingTaskGroup { tasks in
      tasks.addTask { await keepTime(servers) }
      if let other { tasks.addTask { await other(lease) } }
      // Until another address is bound, or none, or other servers tell the
      // time.
      while host.isBound(to: address, servers),
        await host.wait(for: .bound, until: nil) == .ready
      {}
      tasks.cancelAll()
    }
  }

  // MARK: The time

  private func keepTime(_ servers: [IPv4Address]) async {
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

extension Host {
  fileprivate func isBound(
    to address: IPv4Address,
    _ timeServers: [IPv4Address]
  ) -> Bool {
    lease?.address == address && lease?.timeServers == timeServers
  }
}
