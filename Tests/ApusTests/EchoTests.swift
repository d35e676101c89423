import Net
import Testing
import TestMachines

@testable import Apus

@Suite struct EchoTests {
  @Test func bytes_come_back() throws {
    let network = TestNetwork()
    try network.play { client, server in
      let listener = try server.network.listen(port: 7)
      await withDiscardingTaskGroup { tasks in
        tasks.addTask {
          let connection = await listener.accept()!
          while let bytes = await connection.read() {
            await connection.write(bytes)
          }
        }
        let connection = try! await client.network.connect(
          to: network.server.endpoint(7)
        )
        #expect(await connection.write(Array("hello".utf8)))
        connection.close()
        #expect(await connection.readAll() == Array("hello".utf8))
        #expect(connection.failure == nil)
      }
    }
  }
}
