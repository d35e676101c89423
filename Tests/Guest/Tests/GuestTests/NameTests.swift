import Deadlines
import GuestHarness
import Testing

/// Names and the time, from servers and to clients that are not ours.
@Suite(.whereTAPIsAllowed) struct NameTests {
  private static let macAddress = "52:54:00:0a:9b:09"

  /// More addresses than an answer of 512 bytes holds.
  private static let many = (1...40).map { "10.70.0.\($0)" }

  /// dnsmasq as a name server.
  private static var dnsmasq: Dnsmasq {
    var dnsmasq = Dnsmasq(
      "--host-record=one.test.example,10.70.1.1",
      "--cname=alias.test.example,one.test.example",
      "--cname=far.test.example,alias.test.example",
      // A name with an address of the other version alone, and one of none.
      "--host-record=six.test.example,fd00::1",
      // It asks nobody else: it knows what is not there.
      "--local=/example/",
      "--domain-needed",
      "--dhcp-option=option:domain-search,nothing.example,test.example",
      // RFC 1035 §3.3.13: how long what is not there is remembered.
      "--local-ttl=60"
    )
    dnsmasq.arguments += many.map { "--host-record=many.test.example,\($0)" }
    dnsmasq.servesNames = true
    return dnsmasq
  }

  @Test("dnsmasq answers: addresses, aliases, what does not fit, what is not")
  func names() async throws {
    var options = GuestOptions()
    options.app = "Errand"
    try await TAPNetwork.with(Self.dnsmasq) { network in
      try await TAPDemo.with(options, on: network) { guest in
        func expect(_ name: String, _ answer: String...) async throws {
          let found = try await guest.errand("resolve \(name)")
          #expect(found == answer, "\(name)")
        }
        let one = "address 10.70.1.1"
        try await expect("one.test.example", one)
        try await expect("ONE.Test.EXAMPLE.", one)
        try await expect("alias.test.example", one)
        try await expect("far.test.example", one)
        // By the search list: the first domain has none of that name.
        try await expect("one", one)
        try await expect("none", "failed: noName")
        try await expect("none.test.example", "failed: noName")
        try await expect("six.test.example", "failed: noAddress")
        try await expect("10.1.2.3", "address 10.1.2.3")
        try await expect("localhost", "address 127.0.0.1")
        try await expect("..", "failed: invalidName")

        // What was asked is known, and not asked again.
        let questions = network.questions(about: "one.test.example")
        try await expect("one.test.example", one)
        #expect(network.questions(about: "one.test.example") == questions)
        #expect(questions > 0)

        // RFC 7766 §5: the answer is cut, and asked for over TCP.
        try await network.impair(.counting("tcp dport 53 tcp flags syn"))
        let found = try await guest.errand("resolve many.test.example")
        #expect(found.count == 8)
        #expect(
          Set(found).isSubset(of: Self.many.map { "address \($0)" }),
          "\(found)"
        )
        #expect(try await network.impaired() == 1)

        // Lost questions are asked again.
        try await network.impair(.losingTwo("udp dport 53"))
        let again = try await guest.errand("resolve far.test.example")
        #expect(again == [one])
        try await expect("other.test.example", "failed: noName")
        #expect(try await network.impaired() >= 2)
      }
    }
  }

  @Test(
    "A time server tells the date",
    arguments: [
      // Whom the lease names, or the command line instead.
      (lease: TAPNetwork.hostAddress, commandLine: ""),
      (lease: "203.0.113.1", commandLine: "net.ntp=\(TAPNetwork.hostAddress)"),
    ]
  )
  func date(lease: String, commandLine: String) async throws {
    var options = GuestOptions()
    options.app = "Errand"
    options.qemuArguments = ["-append", commandLine]
    // 2031-02-03T04:05:06Z, counted from 1900.
    let seconds = 1_927_857_906 + 2_208_988_800
    let dnsmasq = Dnsmasq("--dhcp-option=42,\(lease)")
    try await TAPNetwork.with(dnsmasq) { network in
      try await withProbe(
        "time-server",
        "--on",
        TAPNetwork.hostAddress,
        "--seconds",
        "\(seconds)",
        in: network.namespace
      ) { server in
        try await server.output.waitForLine(
          containing: "time-server: ready",
          within: .seconds(10)
        )
        try await TAPDemo.with(options, on: network) { guest in
          let answer = try await guest.errand("date")
          #expect(answer.count == 1)
          #expect(answer[0].hasPrefix("date 2031-02-03T04:0"), "\(answer)")
        }
        #expect(server.output.lines.contains("time-server: asked"))
      }
    }
  }

  @Test("Two guests of one name: the second takes another, and says so")
  func twoOfAName() async throws {
    try await TAPNetwork.withPair { first, second in
      try await TAPNetwork.setUp(
        [["route", "add", "224.0.0.0/4", "dev", TAPNetwork.device]],
        in: first.namespace
      )
      func expect(_ name: String, of demo: TAPDemo) async throws {
        let found = try await probe(
          "local-name",
          "--from",
          TAPNetwork.hostAddress,
          "--name",
          name,
          in: first.namespace
        )
        #expect(found == "\(demo.address) says \(demo.address)\n", "\(name)")
      }
      var options = GuestOptions()
      options.macAddress = "52:54:00:0a:9b:0b"
      try await TAPDemo.with(options, on: first) { one in
        try await expect("apus.local", of: one)
        options.macAddress = "52:54:00:0a:9b:0c"
        let capture = Capture(second.folder.appending("second.pcap"))
        options.capture = capture.file
        try await TAPDemo.with(options, on: second) { two in
          #expect(one.address != two.address)
          // RFC 6762 §9: it announces itself by another name.
          let announced = try await withDeadline(
            .seconds(30),
            waitingFor: "an announcement of the second"
          ) {
            while true {
              let names = try await capture.packets(
                matching: "mdns && dns.flags.response == 1 && dns.a == "
                  + two.address,
                fields: ["dns.resp.name"]
              )
              if let name = names.first { return name }
            }
          }
          let name = announced.firstMatch(of: #/apus-[0-9a-f]{4}\.local/#)
          let found = String(try #require(name, "\(announced)").0)
          try await expect(found, of: two)
          try await two.guest.output.waitForLine(
            containing: "net: named \(found)",
            within: .seconds(10)
          )
          try await expect("apus.local", of: one)
        }
      }
    }
  }

  @Test("A guest that was named is found by that, and asks for a lease by it")
  func hostName() async throws {
    try await TAPNetwork.with { network in
      try await TAPNetwork.setUp(
        [["route", "add", "224.0.0.0/4", "dev", TAPNetwork.device]],
        in: network.namespace
      )
      var options = GuestOptions()
      options.qemuArguments = ["-append", "net.hostname=Web-1"]
      try await TAPDemo.with(options, on: network) { demo in
        try await demo.guest.output.waitForLine(
          containing: "net: named Web-1.local",
          within: .seconds(20)
        )
        let found = try await probe(
          "local-name",
          "--from",
          TAPNetwork.hostAddress,
          "--name",
          "web-1.local",
          in: network.namespace
        )
        #expect(found == "\(demo.address) says \(demo.address)\n")
        let page = try await demo.statusPage()
        #expect(page["local name"] == "Web-1.local")
        let told = network.server.errors.lines.filter {
          $0.contains("DHCPACK(") && $0.hasSuffix(" Web-1")
        }
        #expect(!told.isEmpty)
      }
    }
  }

  @Test("The link finds apus.local, and dig is answered by it")
  func multicast() async throws {
    try await TAPNetwork.with { network in
      // Groups go out on the TAP device.
      try await TAPNetwork.setUp(
        [["route", "add", "224.0.0.0/4", "dev", TAPNetwork.device]],
        in: network.namespace
      )
      let capture = Capture(network.folder.appending("guest.pcap"))
      var options = GuestOptions()
      options.macAddress = Self.macAddress
      options.capture = capture.file
      let address = try await TAPDemo.with(options, on: network) { demo in
        // A name is probed for before it is used: RFC 6762 §8.1.
        let found = try await probe(
          "local-name",
          "--from",
          TAPNetwork.hostAddress,
          "--name",
          "Apus.Local",
          in: network.namespace
        )
        let address = demo.address
        #expect(found == "\(address) says \(address)\n")
        // dig takes no answer from others than it has asked, so it asks the
        // guest alone (§5.5).
        let answer = try await runCommand(
          "dig",
          [
            "-p", "5353", "@\(address)", "+tries=5", "+time=2", "+noall",
            "+answer", "apus.local", "A",
          ],
          in: network.namespace
        )
        let words = answer.split(whereSeparator: \.isWhitespace)
        #expect(words == ["apus.local.", "10", "IN", "A", "\(address)"])
        return address
      }
      let sent = "mdns && eth.src == \(Self.macAddress)"
      // §8.1, §8.3: probes are questions, announcements are answers to nobody.
      let probes = try await capture.packets(
        matching: "\(sent) && dns.flags.response == 0 && dns.count.auth_rr > 0"
      )
      #expect(probes.count == 3)
      let answers = try await capture.packets(
        matching: "\(sent) && dns.flags.response == 1 && dns.a == \(address)"
      )
      // An announcement, the second may be to come, and an answer for each that
      // asked.
      #expect(answers.count >= 3, "\(answers)")
      let broken = try await capture.brokenPackets(from: Self.macAddress)
      #expect(broken.isEmpty, "\(broken)")
    }
  }
}

extension TAPNetwork {
  /// How often the name server was asked about `name`.
  fileprivate func questions(about name: String) -> Int {
    server.errors.lines.count { $0.contains("query[A] \(name) from") }
  }
}
