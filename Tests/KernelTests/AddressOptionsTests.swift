import Net
import Testing

@testable import Kernel

@Suite struct AddressOptionsTests {
  private func addresses(
    _ text: String,
    of number: Int = 0,
    sourceLocation: SourceLocation = #_sourceLocation
  ) -> AddressOptions {
    let options = NetworkOptions(text)
    #expect(options.problems == [], sourceLocation: sourceLocation)
    return options.addresses(of: number)
  }

  @Test func nothing_asksAServer() {
    let options = addresses("quiet net.queues=2")
    #expect(options == AddressOptions())
    #expect(options.lease == nil)
    #expect(options.routes == [])
  }

  @Test func address_isALeaseWithoutEnd() {
    let options = addresses(
      "net.address=192.168.1.2/24 net.gateway=192.168.1.1"
        + " net.dns=192.168.1.1,10.0.0.53"
    )
    let lease = Lease(
      address: IPv4Address(192, 168, 1, 2),
      prefixLength: 24,
      gateway: IPv4Address(192, 168, 1, 1),
      nameServers: [IPv4Address(192, 168, 1, 1), IPv4Address(10, 0, 0, 53)]
    )
    #expect(options.lease == lease)
  }

  @Test func order_doesNotMatter() {
    #expect(
      addresses("net.gateway=10.0.0.1 net.address=10.0.0.2/8")
        == addresses("net.address=10.0.0.2/8 net.gateway=10.0.0.1")
    )
  }

  @Test(arguments: ["10.0.0.2/31", "10.0.0.2/32", "10.0.0.3/31", "10.0.0.2/1"])
  func prefixes_atTheirEdges(_ text: String) {
    #expect(addresses("net.address=\(text)").lease != nil)
  }

  @Test func interfaces_haveTheirOwn() {
    let text =
      "net2.address=10.2.0.2/16 net.address=10.0.0.2/16 net1.route=0.0.0.0/0,"
      + "10.1.0.1"
    #expect(
      addresses(text, of: 0).lease?.address == IPv4Address(10, 0, 0, 2)
    )
    #expect(addresses(text, of: 1).lease == nil)
    #expect(addresses(text, of: 1).routes.count == 1)
    #expect(
      addresses(text, of: 2).lease?.address == IPv4Address(10, 2, 0, 2)
    )
    #expect(addresses(text, of: 3) == AddressOptions())
  }

  @Test func routes_areTakenBesideALease() {
    let options = addresses(
      "net.route=10.1.0.0/16,192.168.1.254 net.route=10.2.0.0/16,192.168.1.253"
    )
    #expect(options.lease == nil)
    #expect(
      options.routes == [
        ClasslessRoute(
          IPv4Address(10, 1, 0, 0),
          prefixLength: 16,
          gateway: IPv4Address(192, 168, 1, 254)
        ),
        ClasslessRoute(
          IPv4Address(10, 2, 0, 0),
          prefixLength: 16,
          gateway: IPv4Address(192, 168, 1, 253)
        ),
      ]
    )
  }

  /// What a server has leased before, RFC 2131 §3.2.
  @Test func remembered_isOfAnInterfaceThatAsksAServer() {
    let text = "net.remembered=10.0.0.7 net1.remembered=10.1.0.7"
    #expect(addresses(text, of: 0).remembered == IPv4Address(10, 0, 0, 7))
    #expect(addresses(text, of: 1).remembered == IPv4Address(10, 1, 0, 7))
    #expect(addresses(text, of: 2).remembered == nil)
    #expect(addresses(text, of: 0).lease == nil)
  }

  @Test func remembered_besideAnAddress_isNamed() {
    let options = NetworkOptions(
      "net.remembered=10.0.0.7 net.address=10.0.0.2/8"
    )
    #expect(options.addresses(of: 0).remembered == nil)
    #expect(options.addresses(of: 0).lease != nil)
    #expect(
      options.problems == [
        "net: net.remembered= is ignored: it asks a DHCP server, and with"
          + " address= none is asked"
      ]
    )
  }

  // MARK: What is wrong is named

  @Test(arguments: ["", "10.0.0.7/8", "224.0.0.1", "0.0.0.0", "host"])
  func senselessRemembered(_ value: String) {
    expect(
      "net.remembered=\(value)",
      isRefused: "takes the address that a server has leased before, such as"
        + " 192.168.1.2"
    )
  }

  @Test func rememberedTwice() {
    let options = NetworkOptions(
      "net.remembered=10.0.0.7 net.remembered=10.0.0.8"
    )
    #expect(options.addresses(of: 0).remembered == IPv4Address(10, 0, 0, 7))
    #expect(
      options.problems == [
        "net: net.remembered=10.0.0.8 is ignored: it was given before"
      ]
    )
  }

  private func expect(
    _ text: String,
    isRefused reason: String,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    #expect(
      NetworkOptions(text).problems == [
        "net: \(text) is ignored: it \(reason)"
      ],
      sourceLocation: sourceLocation
    )
  }

  @Test(arguments: [
    "", "192.168.1.2", "192.168.1/24", "192.168.1.2/", "192.168.1.2/33",
    "192.168.1.2/-1", "192.168.1.2/24/1", "192.168.1.256/24", "host/24",
    "192.168.1.2/24,192.168.1.3/24",
  ])
  func senselessAddress(_ value: String) {
    expect(
      "net.address=\(value)",
      isRefused: "takes an address and the bits of its prefix, such as"
        + " 192.168.1.2/24"
    )
  }

  @Test(arguments: [
    "192.168.1.0/24", "192.168.1.255/24", "224.0.0.1/24", "127.0.0.1/8",
    "0.0.0.0/8", "255.255.255.255/32", "10.0.0.2/0",
  ])
  func addressOfNoHost(_ value: String) {
    expect(
      "net1.address=\(value)",
      isRefused: "takes an address that one host can have, with a prefix of 1"
        + " to 32 bits"
    )
  }

  @Test(arguments: [
    "", "10.1.0.0/16", "10.1.0.0,10.0.0.1", "10.1.0.0/16,", "10.1.0.0/16,x",
    "10.1.0.0/16,224.0.0.1", "10.1.0.0/33,10.0.0.1", "10.1.0.0/16,10.0.0.1,5",
  ])
  func senselessRoute(_ value: String) {
    expect(
      "net.route=\(value)",
      isRefused: "takes a prefix and the host that knows the way there, such as"
        + " 10.1.0.0/16,192.168.1.254"
    )
  }

  @Test func routeWithBitsBehindItsPrefix() {
    expect(
      "net.route=10.1.2.0/16,10.0.0.1",
      isRefused: "takes a prefix whose other bits are clear"
    )
  }

  @Test func routesWithoutPlaces() {
    let routes = (1...9).map { "net.route=10.\($0).0.0/16,10.0.0.1" }
    let options = NetworkOptions(routes.joined(separator: " "))
    #expect(options.addresses(of: 0).routes.count == 8)
    #expect(
      options.problems == [
        "net: \(routes[8]) is ignored: it is beyond the 8 that an interface may"
          + " have"
      ]
    )
  }

  @Test(arguments: [
    ("gateway=", "takes the address of a host, such as 192.168.1.1"),
    ("gateway=224.0.0.1", "takes the address of a host, such as 192.168.1.1"),
    ("gateway=10.0.0.2", "takes the address of another host"),
    (
      "dns=10.0.0.1,",
      "takes the addresses of 1 to 3 hosts, such as"
        + " 192.168.1.1,192.168.1.3"
    ),
    (
      "dns=10.0.0.1,10.0.0.2,10.0.0.3,10.0.0.4",
      "takes the addresses of 1 to 3 hosts, such as 192.168.1.1,192.168.1.3"
    ),
    ("address=10.0.0.3/8", "was given before"),
  ])
  func senselessBesideAnAddress(_ option: String, _ reason: String) {
    let options = NetworkOptions("net.address=10.0.0.2/8 net.\(option)")
    let named =
      option == "gateway=10.0.0.2" ? "net.gateway=" : "net.\(option)"
    #expect(
      options.problems == ["net: \(named) is ignored: it \(reason)"]
    )
    #expect(
      options.addresses(of: 0).lease
        == Lease(address: IPv4Address(10, 0, 0, 2), prefixLength: 8)
    )
  }

  @Test func gatewayAndNameServersWithoutAnAddress() {
    let options = NetworkOptions("net1.gateway=10.0.0.1 net1.dns=10.0.0.1")
    #expect(options.addresses(of: 1) == AddressOptions())
    #expect(
      options.problems == [
        "net: net1.gateway= is ignored: it needs address=, too; beside a DHCP"
          + " server's gateway there may be route=0.0.0.0/0,GATEWAY",
        "net: net1.dns= is ignored: it needs address=, too",
      ]
    )
  }

  @Test(arguments: ["net1.queues=2", "net31.x=1", "net1.address", "net1."])
  func unknownOptionsOfOneInterface(_ word: String) {
    let name = word.prefix { $0 != "." }
    expect(
      word,
      isRefused: "is none of \(name).address=, \(name).gateway=, \(name).dns=,"
        + " \(name).route= and \(name).remembered="
    )
  }

  @Test(arguments: ["net0.x=1", "net01.x=1", "net32.x=1", "nets.x=1", "ne.t=1"])
  func wordsOfOthers_areLeftAlone(_ word: String) {
    #expect(NetworkOptions(word).problems == [])
  }
}
