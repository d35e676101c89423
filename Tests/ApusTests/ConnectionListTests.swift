import Net
import Testing
import TestMachines

@testable import Apus

@Suite struct ConnectionListTests {
  @Test func all_are_seen() throws {
    let network = TestNetwork()
    try network.play { client, server in
      #expect(Array(server.network.connections).isEmpty)
      let (connection, peer) = try await network.connect(port: 7)
      await connection.write(pattern(1000))
      #expect(await peer.read(count: 1000).count == 1000)
      let seen = Array(server.network.connections)
      #expect(seen.count == server.network.connectionCount)
      #expect(seen.map(\.local) == [network.server.endpoint(7)])
      #expect(seen.map(\.remote.address.ipv4) == [network.client.address])
      #expect(seen.map(\.state) == [.established])
      // The wire takes a millisecond each way.
      let round = try #require(seen[0].smoothedRoundTripTime)
      #expect(round >= .milliseconds(2) && round < .milliseconds(3))
      let one = try #require(peer.information)
      #expect(one.local == seen[0].local && one.remote == seen[0].remote)
      #expect(one.congestionWindow == seen[0].congestionWindow)
      connection.abort()
      #expect(await peer.isAtEnd())
      #expect(connection.information?.state == .closed)
    }
    #expect(Array(network.server.system.network.connections).isEmpty)
  }

  /// RFC 9293 §3.3.2 has these names, and no two are the same.
  @Test func states_have_names() {
    let names: [(TCPState, String)] = [
      (.closed, "CLOSED"), (.synSent, "SYN-SENT"),
      (.synReceived, "SYN-RECEIVED"), (.established, "ESTABLISHED"),
      (.finWait1, "FIN-WAIT-1"), (.finWait2, "FIN-WAIT-2"),
      (.closeWait, "CLOSE-WAIT"), (.closing, "CLOSING"),
      (.lastAck, "LAST-ACK"), (.timeWait, "TIME-WAIT"),
    ]
    for (state, name) in names { #expect(state.name.description == name) }
  }
}
