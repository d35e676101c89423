import Apus

/// What `run-qemu.sh` boots: the small services that RFCs define for trying a
/// network out, and a page that shows how the machine is.
///
///     7   TCP and UDP   echo      RFC 862
///     9   TCP           discard   RFC 863
///     19  TCP           chargen   RFC 864
///     80  TCP           HTTP      RFC 9110, RFC 9112
@main
struct Demo: Unikernel {
  func run(_ system: System) async throws(NetworkError) {
    let network = system.network
    let echo = try network.listen(port: 7)
    let datagrams = try network.bind(port: 7)
    let discard = try network.listen(port: 9)
    let chargen = try network.listen(port: 19)
    let http = try network.listen(port: 80)
    let memory = HTTPMemory()
    await withDiscardingTaskGroup { services in
      services.addTask { await serve(echo, Echo.serve) }
      services.addTask { await Echo.serve(datagrams) }
      services.addTask { await serve(discard, Discard.serve) }
      services.addTask { await serve(chargen, CharacterGenerator.serve) }
      services.addTask {
        await serve(http) {
          await HTTPServer(system: system, memory: memory).serve($0)
        }
      }
      if await network.waitUntilBound() != nil { print("demo: ready") }
    }
  }
}

/// Serves each connection of `listener` in a task of its own, until the
/// listener ends: what befalls one befalls that one alone.
func serve(
  _ listener: Listener,
  _ service: @escaping @Sendable (Connection) async -> Void
) async {
  await withDiscardingTaskGroup { tasks in
    for await connection in listener {
      tasks.addTask { await service(connection) }
    }
  }
}
