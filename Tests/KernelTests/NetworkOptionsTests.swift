import Net
import Testing
import Virtio

@testable import Kernel

@Suite struct NetworkOptionsTests {
  @Test func nothing_isOnePairAndNoVLAN() {
    let options = NetworkOptions("quiet other=3 netqueues=4")
    #expect(options.queuePairs == 1)
    #expect(options.vlan == nil)
    #expect(options.problems == [])
  }

  @Test func both_areTaken() {
    let options = NetworkOptions("a net.queues=4  net.vlan=4094")
    #expect(options.queuePairs == 4)
    #expect(options.vlan == VLANTag(4094))
    #expect(options.problems == [])
  }

  @Test(arguments: ["net.queus=3", "net.", "net.vlan", "net.hashes"])
  func unknownOptions_areNamed(_ word: String) {
    let options = NetworkOptions("quiet \(word)")
    #expect(
      options.problems == [
        "net: \(word) is ignored: it is none of net.queues=, net.vlan=,"
          + " net.hashes=, net.trace=, net.hostname=, net.ntp=, net.address=,"
          + " net.gateway=, net.dns=, net.route= and net.remembered="
      ]
    )
  }

  @Test(arguments: [("0", false), ("1", true)])
  func hashes_areTaken(_ value: String, _ isWanted: Bool) {
    let options = NetworkOptions("net.hashes=\(value)")
    #expect(options.reportsHashes == isWanted)
    #expect(options.problems == [])
  }

  @Test(arguments: ["net.hashes=", "net.hashes=2", "net.hashes=on"])
  func senselessHashes_areNamed(_ word: String) {
    let options = NetworkOptions(word)
    #expect(!options.reportsHashes)
    #expect(options.problems == ["net: \(word) is ignored: it takes 0 or 1"])
  }

  @Test(arguments: [("0", false), ("1", true)])
  func trace_isTaken(_ value: String, _ isWanted: Bool) {
    let options = NetworkOptions("net.trace=\(value)")
    #expect(options.tracesPackets == isWanted)
    #expect(options.problems == [])
  }

  @Test(arguments: ["net.trace=", "net.trace=2", "net.trace=all"])
  func senselessTrace_isNamed(_ word: String) {
    let options = NetworkOptions(word)
    #expect(!options.tracesPackets)
    #expect(options.problems == ["net: \(word) is ignored: it takes 0 or 1"])
  }

  @Test(arguments: ["web-1", "W", "0x", String(repeating: "a", count: 63)])
  func hostName_isTaken(_ name: String) {
    let options = NetworkOptions("net.hostname=\(name)")
    #expect(options.hostName == Array(name.utf8))
    #expect(options.problems == [])
  }

  @Test(arguments: [
    "", "-a", "a-", "-", "a.b", "a_b", "a\u{F6}",
    String(repeating: "a", count: 64),
  ])
  func senselessHostName_isNamed(_ name: String) {
    let options = NetworkOptions("net.hostname=\(name)")
    #expect(options.hostName == Array("apus".utf8))
    #expect(
      options.problems == [
        "net: net.hostname=\(name) is ignored: it takes 1 to 63 letters, digits"
          + " and hyphens, such as web-1"
      ]
    )
  }

  @Test func timeServers_areTaken_once() {
    let options = NetworkOptions("net.ntp=10.0.0.1,10.0.0.2 net.ntp=10.0.0.3")
    #expect(
      options.timeServers == [
        IPv4Address(10, 0, 0, 1), IPv4Address(10, 0, 0, 2),
      ]
    )
    #expect(
      options.problems == [
        "net: net.ntp=10.0.0.3 is ignored: it was given before"
      ]
    )
  }

  @Test(arguments: ["", "pool.ntp.org", "10.0.0.1,", "224.0.1.1", "1.1.1.1,1"])
  func senselessTimeServers_areNamed(_ value: String) {
    let options = NetworkOptions("net.ntp=\(value)")
    #expect(options.timeServers == [])
    #expect(
      options.problems == [
        "net: net.ntp=\(value) is ignored: it takes the addresses of 1 to 3"
          + " hosts, such as 192.168.1.1,192.168.1.3"
      ]
    )
  }

  @Test(arguments: [
    "net.queues=", "net.queues=0", "net.queues=17", "net.queues=two",
    "net.queues=99999999999999999999", "net.queues=-1",
  ])
  func senselessPairs_areNamed(_ word: String) {
    let options = NetworkOptions(word)
    #expect(options.queuePairs == 1)
    #expect(
      options.problems == ["net: \(word) is ignored: it takes 1 to 16 pairs"]
    )
  }

  @Test(arguments: [
    "net.vlan=", "net.vlan=0", "net.vlan=4095", "net.vlan=65541", "net.vlan=x",
  ])
  func senselessVLAN_isNamed(_ word: String) {
    let options = NetworkOptions(word)
    #expect(options.vlan == nil)
    #expect(
      options.problems == ["net: \(word) is ignored: it takes 1 to 4094"]
    )
  }
}
