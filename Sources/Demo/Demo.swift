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
      services.addTask { await echo.serve { await Echo.serve($0) } }
      services.addTask { await Echo.serve(datagrams) }
      services.addTask { await discard.serve { await Discard.serve($0) } }
      services.addTask {
        await chargen.serve { await CharacterGenerator.serve($0) }
      }
      services.addTask {
        await http.serve {
          await HTTPServer(system: system, memory: memory).serve($0)
        }
      }
      if await network.waitUntilBound() != nil { print("demo: ready") }
    }
  }
}
