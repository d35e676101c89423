import _Concurrency

extension Listener {
  /// Serves each connection in a task of its own, until the listener ends, and
  /// then until all are served: what befalls one befalls that one alone. When
  /// this is cancelled, so are all of them.
  ///
  ///     await listener.serve { connection in
  ///       while let bytes = await connection.read() {
  ///         await connection.write(bytes)
  ///       }
  ///     }
  ///
  /// For however many connections: what one costs does not grow with their
  /// number, as it does with a task for each in one task group, which finds a
  /// child that has ended by walking through all.
  public func serve(
    _ body: @escaping @Sendable (Connection) async -> Void
  ) async {
    let groups = ServingGroups()
    await withDiscardingTaskGroup { tasks in
      while let connection = await accept() {
        if !groups.haveRoom {
          let group = groups.makeGroup()
          tasks.addTask { await group.run(of: groups, body) }
        }
        groups.give(connection)
      }
      groups.finish()
    }
  }
}

/// Task groups of a few connections each.
///
///     serve -> group -> task of a connection
///           -> group -> ...  up to ServingGroup.most of them
///
/// Like all of Apus it belongs to one executor that runs one job at a time.
private final class ServingGroups: @unchecked Sendable {
  private var all: [ServingGroup] = []
  /// Those that are not full. The last gets the next connection.
  private var withRoom: [ServingGroup] = []

  var haveRoom: Bool { !withRoom.isEmpty }

  func makeGroup() -> ServingGroup {
    let group = ServingGroup()
    all.append(group)
    withRoom.append(group)
    return group
  }

  /// Hands `connection` to a group.
  ///
  /// - Precondition: One has room.
  func give(_ connection: Connection) {
    let group = withRoom[withRoom.count - 1]
    group.give(connection)
    if group.isFull { withRoom.removeLast() }
  }

  /// A connection of `group` is served.
  func ended(in group: ServingGroup) {
    if group.isFull { withRoom.append(group) }
    group.count -= 1
  }

  /// There are no more connections.
  func finish() {
    for group in all { group.finish() }
  }
}

/// One of them: a task that waits for connections, and a child for each.
private final class ServingGroup: @unchecked Sendable {
  /// So few that walking through all costs less than anything else that a
  /// connection does when it ends.
  private static let most = 64

  /// Connections that are served, or wait to be.
  var count = 0
  private var arrived: [Connection] = []
  private var waiting: CheckedContinuation<Connection?, Never>?
  private var isFinished = false

  var isFull: Bool { count == Self.most }

  func give(_ connection: Connection) {
    count += 1
    if let waiting = waiting.take() {
      waiting.resume(returning: connection)
    } else {
      arrived.append(connection)
    }
  }

  func finish() {
    isFinished = true
    waiting.take()?.resume(returning: nil)
  }

  func run(
    of groups: ServingGroups,
    _ body: @escaping @Sendable (Connection) async -> Void
  ) async {
    await withDiscardingTaskGroup { tasks in
      while let connection = await next() {
        tasks.addTask {
          await body(connection)
          groups.ended(in: self)
        }
      }
    }
  }

  /// The next connection; `nil` when there are no more.
  private func next() async -> Connection? {
    if !arrived.isEmpty { return arrived.removeFirst() }
    if isFinished { return nil }
    return await withCheckedContinuation { waiting = $0 }
  }
}
