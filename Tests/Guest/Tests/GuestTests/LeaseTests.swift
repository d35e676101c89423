import GuestHarness
import Testing

/// What DHCP servers of two makes say beside an address, and no.
@Suite(.whereTAPIsAllowed) struct LeaseTests {
  private static let macAddress = "52:54:00:0a:9b:08"

  private static func options(_ app: String = "Demo") -> GuestOptions {
    var options = GuestOptions()
    options.app = app
    options.macAddress = macAddress
    options.network = TAPNetwork.argument
    return options
  }

  // MARK: No

  @Test("A server that refuses to renew, and one that refuses what was had")
  func refusals() async throws {
    try await TAPNetwork.withDevice { namespace, folder in
      var options = Self.options()
      let socket = folder.appending("qmp")
      options.monitor = socket
      _ = try await withGuest(options, in: namespace) { guest in
        /// Serves other addresses than the guest has, until it has one of them.
        func move(
          to range: ClosedRange<Int>,
          body: () async throws -> Void
        ) async throws {
          var dnsmasq = Dnsmasq()
          dnsmasq.range = range
          try await dnsmasq.serving(in: namespace, folder) { network in
            try await body()
            let prefix = "10.64.0.\(range.lowerBound / 10)"
            try await guest.output.waitForLine(
              containing: "net: bound \(prefix)",
              within: .seconds(40)
            )
            let refusals = network.server.errors.lines.count {
              $0.contains("DHCPNAK(")
            }
            #expect(refusals == (range.lowerBound == 50 ? 0 : 1))
          }
        }
        try await move(to: 50...59) {}
        // T1: it asks for more of what this server has not given.
        try await move(to: 70...79) {}
        try await QMP.with(socket) { monitor in
          // The link comes back: it asks for what it had (INIT-REBOOT).
          try await monitor.execute(
            "set_link",
            ["name": "net0", "up": false]
          )
          try await guest.output.waitForLine(
            containing: "net: link down",
            within: .seconds(10)
          )
          try await move(to: 80...89) {
            try await monitor.execute(
              "set_link",
              ["name": "net0", "up": true]
            )
          }
        }
        let given = guest.output.count(of: "net: address given up")
        #expect(given == 2, "\(guest.output.lines)")
      }
    }
  }

  // MARK: More than an address

  /// Routes by option 121, and a host that one of them leads to.
  @Test(
    "Classless routes are ways that are taken",
    arguments: ["dnsmasq", "ISC"]
  )
  func classlessRoutes(_ make: String) async throws {
    let beyond = "10.77.0.1"
    func check(_ namespace: NetworkNamespace) async throws {
      try await TAPNetwork.withNeighbour(
        of: namespace,
        ["10.64.0.2/24", "\(beyond)/32"]
      ) { host in
        _ = try await withGuest(
          Self.options("Errand"),
          in: namespace
        ) { guest in
          try await guest.output.waitForLine(
            containing: "errand: ready",
            within: .seconds(30)
          )
          // The gateway is that of the routes: option 3 is another.
          let bound = try await guest.output.waitForLine(
            containing: "net: bound 10.64.0.",
            within: .seconds(1)
          )
          #expect(bound.contains(" gateway 10.64.0.1 "), "\(bound)")
          let match = bound.firstMatch(of: #/bound (10\.64\.0\.\d+)/#)
          let address = String(try #require(match).1)
          try await probe(
            "call",
            "--host",
            address,
            "--port",
            "70",
            "--to",
            beyond,
            in: host
          )
        }
      }
    }
    if make == "dnsmasq" {
      let dnsmasq = Dnsmasq(
        "--dhcp-option=121,10.77.0.0/24,10.64.0.2,0.0.0.0/0,10.64.0.1",
        "--dhcp-option=3,10.64.0.3"
      )
      try await TAPNetwork.with(dnsmasq) { try await check($0.namespace) }
    } else {
      try await TAPNetwork.withDevice { namespace, _ in
        var server = ISCServer(range: 50...59, seconds: 600)
        server.statements = """
          option classless-routes code 121 = array of integer 8;
          option classless-routes
            24, 10, 77, 0, 10, 64, 0, 2, 0, 10, 64, 0, 1;
          """
        server.router = "10.64.0.3"
        try await server.serving(in: namespace) { _ in
          try await check(namespace)
        }
      }
    }
  }

  @Test("The MTU, the name, the identifier; at the end the lease goes back")
  func everythingElse() async throws {
    try await TAPNetwork.with(Dnsmasq("--dhcp-option=26,1400")) { network in
      var options = Self.options("Errand")
      let capture = Capture(network.folder.appending("guest.pcap"))
      options.capture = capture.file
      try await TAPDemo.with(options, on: network) { guest in
        let lease = try #require(
          try network.leases.first { $0.count == 5 && $0[2] == guest.address }
        )
        #expect(lease[1] == Self.macAddress)
        #expect(lease[3] == "apus")
        // RFC 4361: type 255, the interface, then the hardware address.
        let words = Self.macAddress
        #expect(lease[4].hasPrefix("ff:") && lease[4].hasSuffix(words))
        try await guest.call(["--bytes", "200000"])
        #expect(try await guest.errand("end") == ["ends"])
        try await guest.guest.output.waitUntilEnd(within: .seconds(20))
        // RFC 2131 §4.4.6.
        try await network.server.errors.waitForLine(
          containing: "DHCPRELEASE(\(TAPNetwork.device)) \(guest.address) ",
          within: .seconds(10)
        )
        #expect(try network.leases.isEmpty)
      }
      let segments = try await capture.packets(
        matching: "tcp.flags.syn == 1 && eth.src == \(Self.macAddress)",
        fields: ["tcp.options.mss_val"]
      )
      #expect(!segments.isEmpty)
      #expect(segments.allSatisfy { $0.hasSuffix("\t1360") }, "\(segments)")
      let large = try await capture.packets(
        matching: "eth.src == \(Self.macAddress) && ip.len > 1400"
      )
      #expect(large.isEmpty)
    }
  }

  // MARK: More than there is room for

  /// RFC 2132 §9.3, RFC 3396: options that go on in the fields of the file's and
  /// the server's names, and such as are in parts.
  @Test("Options that need more room than there is are read all the same")
  func overload() async throws {
    let many = (1...150).map { "10.70.0.\($0)" }.joined(separator: ", ")
    try await TAPNetwork.withDevice { namespace, folder in
      // The name servers are there, and serve nothing: that is told at once.
      try await TAPNetwork.setUp(
        (1...3).map { ["address", "add", "10.70.0.\($0)/32", "dev", "lo"] },
        in: namespace
      )
      var server = ISCServer(range: 50...59, seconds: 600)
      server.statements = """
        option domain-name-servers \(many);
        option ntp-servers \(many);
        option domain-search "one.example", "two.example";
        """
      var options = Self.options("Errand")
      let capture = Capture(folder.appending("guest.pcap"))
      options.capture = capture.file
      try await server.serving(in: namespace) { _ in
        _ = try await withGuest(options, in: namespace) { guest in
          let bound = try await guest.output.waitForLine(
            containing: "net: bound ",
            within: .seconds(30)
          )
          #expect(bound.contains(" gateway 10.64.0.1 "), "\(bound)")
          #expect(bound.contains("10.70.0.1"), "\(bound)")
          let match = bound.firstMatch(of: #/bound (10\.64\.0\.\d+)/#)
          let answer = try await probe(
            "errand",
            "--host",
            String(try #require(match).1),
            "--port",
            "70",
            "resolve short",
            in: namespace
          )
          #expect(answer.hasPrefix("failed: "), "\(answer)")
        }
      }
      let types = try await capture.packets(
        matching: "dhcp.option.dhcp == 5",
        fields: ["dhcp.option.type"]
      ).flatMap { $0.split(whereSeparator: { "\t,".contains($0) }) }
      // The search list stands behind what says that the options go on.
      let overload = try #require(types.firstIndex(of: "52"), "\(types)")
      let list = try #require(types.firstIndex(of: "119"), "\(types)")
      #expect(overload < list)
      #expect(types.count { $0 == "6" } > 1, "\(types)")
      let names = try await capture.packets(
        matching: "dns.flags.response == 0 && ip.dst == 10.70.0.1",
        fields: ["dns.qry.name"]
      ).map { String($0.split(separator: "\t").last ?? "") }
      #expect(Set(names).isSuperset(of: ["short.one.example"]), "\(names)")
    }
  }
}
