import Foundation
import GuestHarness
import Testing

/// The Demo on QEMU's user network, reached through ports of this machine.
struct DemoServices {
  /// How long booting and getting a lease may take on a busy machine.
  static let readyLimit = Duration.seconds(30)

  private let echo: Int
  private let discard: Int
  private let characters: Int
  private let http: Int

  /// Reserves the ports.
  init() async throws {
    echo = try await HostPorts.reserve()
    discard = try await HostPorts.reserve()
    characters = try await HostPorts.reserve()
    http = try await HostPorts.reserve()
  }

  /// What run-qemu.sh is told of them.
  var forwards: [GuestOptions.Forward] {
    [
      .init("tcp", from: echo, to: 7), .init("udp", from: echo, to: 7),
      .init("tcp", from: discard, to: 9),
      .init("tcp", from: characters, to: 19), .init("tcp", from: http, to: 80),
    ]
  }

  /// Boots the Demo, waits until it is ready, and runs `body`.
  @discardableResult
  static func withDemo<Result: Sendable>(
    _ options: GuestOptions,
    body: (Service, DemoServices) async throws -> Result
  ) async throws -> Result {
    let services = try await DemoServices()
    var options = options
    options.forwards = services.forwards
    return try await withGuest(options) { guest in
      try await guest.output.waitForLine(
        containing: "demo: ready",
        within: readyLimit
      )
      return try await body(guest, services)
    }.result
  }

  /// Tries each service out.
  func check() async throws {
    try await probe("echo", "--port", "\(echo)", "--connections", "4")
    try await probe("udp-echo", "--port", "\(echo)")
    try await probe("discard", "--port", "\(discard)")
    try await probe("chargen", "--port", "\(characters)")
  }

  /// Sends datagrams there and back.
  func pingUDP() async throws {
    try await probe("udp-echo", "--port", "\(echo)")
  }

  /// Runs `body` while a peer of the echo has written until nothing more was
  /// taken, and reads nothing.
  func withUnreadEcho<Result: Sendable>(
    body: () async throws -> Result
  ) async throws -> Result {
    try await withProbe("unread", "--port", "\(echo)") { peer in
      try await peer.output.waitForLine(
        containing: "unread: ",
        within: .seconds(40)
      )
      return try await body()
    }
  }

  /// What the JSON at `path` says.
  func json(_ path: String) async throws -> [String: Any] {
    let text = try await probe("http", "--port", "\(http)", "--path", path)
    let value = try JSONSerialization.jsonObject(with: Data(text.utf8))
    return try #require(value as? [String: Any])
  }

  /// What the rows of the status page say.
  func statusPage() async throws -> StatusPage {
    StatusPage(
      html: try await probe("http", "--port", "\(http)", "--requests", "3")
    )
  }

  /// Asks for what is not there.
  func checkMissingPage() async throws {
    try await probe(
      "http",
      "--port",
      "\(http)",
      "--path",
      "/missing",
      "--status",
      "404"
    )
  }
}
