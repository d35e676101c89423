import GuestHarness
import Testing

/// What QEMU's device says of itself when its properties are set, and what the
/// guest makes of it.
@Suite struct DevicePropertyTests {
  @Test("The status page tells the speed that the device tells")
  func speed() async throws {
    let options = Self.options(["speed=10000", "duplex=full"])
    try await DemoServices.withDemo(options) { _, services in
      let page = try await services.statusPage()
      #expect(page.features.contains("SPEED_DUPLEX"))
      #expect(page["speed"] == "10000 Mbit/s, full duplex")
    }
  }

  @Test(
    "Hashes are reported when the command line asks for them, and only then",
    .whereTAPIsAllowed,
    arguments: [true, false]
  )
  func hashes(isAsked: Bool) async throws {
    var options = Self.options(["hash=on", "rss=on"])
    options.transport = .modern
    if isAsked { options.qemuArguments += ["-append", "net.hashes=1"] }
    try await TAPNetwork.with { network in
      try await TAPDemo.with(options, on: network) { demo in
        #expect(try await demo.flood(count: 20) == 20)
        try await demo.probe("echo", port: 7)
        let page = try await demo.statusPage()
        #expect(page.features.contains("HASH_REPORT") == isAsked)
        let count = page.rows.filter {
          $0.key.hasPrefix("virtio: frames with a hash")
        }.values.compactMap { Int($0) }.reduce(0, +)
        #expect((count > 0) == isAsked, "\(count) frames")
      }
    }
  }

  @Test("The console names what the device has and the guest does not use")
  func unusedProperties() async throws {
    var options = Self.options(["host_mtu=100"])
    options.qemuArguments += ["-append", "net.queues=4 net.queus=3"]
    try await DemoServices.withDemo(options) { guest, services in
      let page = try await services.statusPage()
      #expect(page["MTU"] == "1500")
      let lines = guest.output.lines
      for line in [
        " has an MTU of 100 bytes, which is not used: it is less than 576,",
        " uses 1 of the 4 pairs of queues asked for: it has no more, or no"
          + " vectors for them (",
        "net: net.queus=3 is ignored: it is none of net.queues=,",
      ] {
        #expect(lines.count { $0.contains(line) } == 1, "\(line)")
      }
    }
  }

  @Test("In place of a group's address the guest has one of its own")
  func groupAddress() async throws {
    let group = "01:00:5e:00:00:01"
    let options = Self.options(["mac=\(group)"])
    try await DemoServices.withDemo(options) { _, services in
      let page = try await services.statusPage()
      let address = try #require(page["MAC address"])
      #expect(address != group)
      // IEEE 802 §8.2: of one station, and administered locally.
      let first = try #require(Int(address.prefix(2), radix: 16), "\(address)")
      #expect(first & 3 == 2, "\(address)")
      try await services.check()
    }
  }

  /// The Demo on a device with `properties`.
  private static func options(_ properties: [String]) -> GuestOptions {
    var options = GuestOptions()
    options.qemuArguments = properties.flatMap {
      ["-global", "virtio-net-pci.\($0)"]
    }
    return options
  }
}
