import Apus
import Foundation
import Testing
import TestMachines

@testable import Demo

/// What `text` says, as a parser of somebody else reads it; that is the test.
func parseJSON(_ text: Text) throws -> [String: Any] {
  let value = try JSONSerialization.jsonObject(with: Data(text.bytes))
  return try #require(value as? [String: Any])
}

@Suite struct JSONWriterTests {
  @Test func writes_values() {
    var json = JSONWriter()
    json.beginArray()
    json.value(1)
    json.value(UInt64.max)
    json.value(-3)
    json.value(true)
    json.value(false)
    json.null()
    json.value(ifAny: 5 as Int?)
    json.value(ifAny: nil as Int?)
    json.value("a")
    json.beginObject()
    json.endObject()
    json.beginObject()
    json.key("b")
    json.beginArray()
    json.endArray()
    json.key("c")
    json.value { $0.append(2) }
    json.endObject()
    json.endArray()
    #expect(
      String(decoding: json.text.bytes, as: UTF8.self)
        == #"[1,18446744073709551615,-3,true,false,null,5,null,"a",{},"#
        + #"{"b":[],"c":"2"}]"#
    )
  }

  /// RFC 8259 §7. All that a string can hold comes back from a parser.
  @Test func escapes_what_must_be() throws {
    var string = "é€😀 \"quoted\" \\ back / slash"
    for value in 0..<0x80 {
      string.unicodeScalars.append(Unicode.Scalar(UInt8(value)))
    }
    var json = JSONWriter()
    json.beginObject()
    json.key(string)
    json.value(string)
    json.endObject()
    let parsed = try parseJSON(json.text)
    #expect(parsed.keys.first == string)
    #expect(parsed[string] as? String == string)
  }

  @Test func is_taken_in_parts() {
    var json = JSONWriter()
    json.beginArray()
    json.value(1)
    var parts = json.takeText()
    json.value(2)
    json.endArray()
    parts.append(json.takeText())
    #expect(String(decoding: parts.bytes, as: UTF8.self) == "[1,2]")
    #expect(json.takeText().bytes.isEmpty)
  }
}

@Suite struct StatusJSONTests {
  private func status(
    _ change: (Apus.Host) -> Void = { _ in }
  ) throws -> [String: Any] {
    let network = TestNetwork()
    try network.run()
    change(network.client.host)
    return try parseJSON(StatusJSON.render(network.client.system))
  }

  @Test func tells_what_there_is() throws {
    let status = try status { host in
      host.machineCounters = {
        [
          Counter("heap: bytes in use", 7), Counter("frames", 1, interface: 1),
          Counter("interrupts", UInt64.max, pair: 2),
        ]
      }
    }
    #expect(status["isLinkUp"] as? Bool == true)
    #expect(status["connectionCount"] as? Int == 0)
    #expect(status["uptimeSeconds"] is Int)
    #expect(status["exitsPerThousandFrames"] as? Int == 0)
    let lease = try #require(status["lease"] as? [String: Any])
    #expect(lease["address"] as? String == "10.0.0.1")
    #expect(lease["prefixLength"] as? Int == 24)
    #expect(lease["gateway"] is NSNull)
    #expect(lease["server"] is NSNull)
    #expect(lease["seconds"] is NSNull)
    #expect((lease["nameServers"] as? [String])?.isEmpty == true)
    let device = try #require(status["device"] as? [String: Any])
    #expect(device["driver"] as? String == "a made-up wire")
    #expect(device["macAddress"] as? String == "02:00:00:00:00:01")
    #expect(device["features"] as? [String] == ["TEST_A", "TEST_B"])
    #expect(device["megabitsPerSecond"] is NSNull)
    #expect(device["isFullDuplex"] is NSNull)
    #expect(device["hasPackedQueues"] as? Bool == false)
    let counters = try #require(status["counters"] as? [String: Any])
    #expect(counters["heap: bytes in use"] as? Int == 7)
    #expect(counters["net1 frames"] as? Int == 1)
    #expect(counters["interrupts, pair 2"] as? UInt64 == .max)
    // Those that are zero, too, and one for each reason to drop.
    for reason in DropReason.allCases {
      #expect(counters[reason.name.description] is Int, "\(reason)")
    }
  }

  @Test func tells_of_each_interface() throws {
    let network = TestNetwork()
    let number = network.client.addInterface(
      Lease(address: IPv4Address(10, 0, 1, 1), prefixLength: 16)
    )
    #expect(number == 1)
    try network.run(for: .seconds(1))
    network.client.host.setLink(up: false, on: 1, at: network.now)
    let system = network.client.system
    let status = try parseJSON(StatusJSON.render(system))
    #expect(status["isLinkUp"] as? Bool == true)
    let all = try #require(status["interfaces"] as? [[String: Any]])
    let leases = all.map { $0["lease"] as? [String: Any] }
    #expect(
      leases.map { $0?["address"] as? String } == ["10.0.0.1", "10.0.1.1"]
    )
    #expect(leases.map { $0?["prefixLength"] as? Int } == [24, 16])
    #expect(all.map { $0["isLinkUp"] as? Bool } == [true, false])
    let devices = all.map { $0["device"] as? [String: Any] }
    #expect(
      devices.map { $0?["driver"] as? String } == [
        "a made-up wire", "a link with nobody else",
      ]
    )
  }

  @Test func tells_what_there_is_not() throws {
    let status = try status { host in
      host.interfaces[0] = InterfaceInformation(
        driver: "none",
        interrupts: "none",
        features: [],
        macAddress: MACAddress(bits: 1),
        speed: 100,
        duplex: .half,
        queueFormat: .packed
      )
      host.setLink(up: false, at: host.now)
    }
    #expect(status["isLinkUp"] as? Bool == false)
    let device = try #require(status["device"] as? [String: Any])
    #expect(device["isFullDuplex"] as? Bool == false)
    #expect(device["megabitsPerSecond"] as? Int == 100)
    #expect(device["hasPackedQueues"] as? Bool == true)
    #expect((device["features"] as? [String])?.isEmpty == true)
  }

  @Test func without_an_address() throws {
    var options = TestNetwork.Options()
    options.hasAddress = false
    let network = TestNetwork(client: options)
    try network.run(for: .seconds(1))
    let status = try parseJSON(StatusJSON.render(network.client.system))
    #expect(status["lease"] is NSNull)
  }

  /// A counter of the same name would be lost.
  @Test func counters_have_names_of_their_own() throws {
    let network = TestNetwork()
    try network.run()
    let names = network.client.system.counters.map { StatusPage.name(of: $0) }
    #expect(Set(names).count == names.count)
  }
}

@Suite struct ConnectionsJSONTests {
  /// What is told of `count` connections to nobody, in parts.
  private func parts(_ count: Int) throws -> [Text] {
    try withUnansweredConnections(count) { system in
      var content = ConnectionsJSON(system.network)
      var parts: [Text] = []
      while let part = content.next() { parts.append(part) }
      #expect(content.next() == nil)
      return parts
    }
  }

  private func parse(_ parts: [Text]) throws -> [[String: Any]] {
    var whole = Text()
    for part in parts { whole.append(part) }
    let parsed = try parseJSON(whole)
    let connections = try #require(parsed["connections"] as? [[String: Any]])
    #expect(parsed["count"] as? Int == connections.count)
    return connections
  }

  @Test func none() throws {
    #expect(try parse(parts(0)).isEmpty)
  }

  @Test func one_has_all_that_is_known() throws {
    let connections = try parse(parts(1))
    let one = try #require(connections.first)
    #expect(one["state"] as? String == "SYN-SENT")
    #expect((one["local"] as? String)?.hasPrefix("10.0.0.1:") == true)
    #expect(one["remote"] as? String == "10.0.0.2:9")
    #expect(one["smoothedRoundTripMicroseconds"] is NSNull)
    #expect(one["retransmissionTimeoutMicroseconds"] as? Int == 1_000_000)
    for name in [
      "maximumSegmentSize", "sendWindow", "receiveWindow", "congestionWindow",
      "slowStartThreshold", "bytesInFlight", "bytesToSend", "bytesToRead",
      "roundTripVariationMicroseconds", "retransmissions", "urgentBytes",
    ] {
      #expect(one[name] is Int, "\(name)")
    }
    for name in [
      "hasTimestamps", "hasSelectiveAcknowledgements", "hasCongestionMarks",
    ] {
      #expect(one[name] as? Bool == false, "\(name)")
    }
    #expect(one["softError"] is NSNull)
    #expect(one.count == 20)
  }

  /// No part is larger than a few thousand bytes, however many there are.
  @Test func ten_thousand_come_in_parts() throws {
    let parts = try parts(10_000)
    #expect(parts.count > 500)
    #expect(parts.allSatisfy { $0.bytes.count < 8192 })
    let connections = try parse(parts)
    #expect(connections.count == 10_000)
    let ends = Set(connections.compactMap { $0["local"] as? String })
    #expect(ends.count == 10_000)
  }
}
