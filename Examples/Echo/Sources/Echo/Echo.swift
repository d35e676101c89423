import Apus

/// Sends back what it is sent, on TCP port 7. RFC 862.
@main
struct Echo: Unikernel {
  func run(_ system: System) async throws(NetworkError) {
    let listener = try system.network.listen(port: 7)
    await withDiscardingTaskGroup { tasks in
      for await connection in listener {
        tasks.addTask {
          while let bytes = await connection.read() {
            await connection.write(bytes)
          }
        }
      }
    }
  }
}
