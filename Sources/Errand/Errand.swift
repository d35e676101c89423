import Apus

/// Does what it is asked to, for tests of what a server never does: it
/// connects, asks for names and the time, resets, and ends.
///
///     70   TCP   errands: a line that asks, and lines that answer
///     71   TCP   resets whoever has sent 64 KiB
///
/// | asked | done | answered |
/// |---|---|---|
/// | `connect ADDRESS PORT` | sends back what comes, until the peer's end | `connected`, then `ended` and how many bytes |
/// | `reset ADDRESS PORT COUNT` | the same for so many bytes, then a reset | the same |
/// | `keep ADDRESS PORT PROBES` | the same; asks a silent peer each second whether it is there | the same |
/// | `resolve NAME` | | `address ADDRESS` for each |
/// | `date` | waits until the date is known | `date DATE` |
/// | `end` | ends the app | `ends` |
///
/// What could not be done is answered with `failed` and why.
@main
struct Errand: Unikernel {
  /// How many bytes who connects to port 71 sends before the reset.
  private static let resetAfter = 65_536

  func run(_ system: System) async throws(NetworkError) {
    let errands = try system.network.listen(port: 70)
    let resets = try system.network.listen(port: 71)
    await withDiscardingTaskGroup { tasks in
      tasks.addTask { await Self.resetAll(resets) }
      if await system.network.waitUntilBound() != nil {
        print("errand: ready")
      }
      for await connection in errands {
        tasks.addTask {
          let client = Client(connection)
          guard let line = await client.readLine() else { return }
          if line == "end" {
            await client.say("ends")
            errands.close()
            resets.close()
          } else {
            await Job(system: system, client: client).run(line)
          }
        }
      }
    }
    print("errand: ends")
  }

  private static func resetAll(_ listener: Listener) async {
    await withDiscardingTaskGroup { tasks in
      for await connection in listener {
        tasks.addTask {
          var count = 0
          while count < resetAfter, let bytes = await connection.read() {
            count += bytes.count
          }
          connection.abort()
        }
      }
    }
  }
}
