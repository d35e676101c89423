import Packets
import Testing

@testable import Net

/// A client without a stack, and a server that says what the test wants.
final class DHCPConversation {
  static let hardware = Hosts.our

  var client: DHCPClient
  var refusedOptions = 0

  init(
    remembered: IPv4Address? = nil,
    mtu: Int = 1500,
    seed: UInt64 = 1
  ) {
    client = DHCPClient(
      hardware: Self.hardware,
      identifier: ClientIdentifier(machine: Self.hardware, interface: 1),
      hostName: Array("apus".utf8),
      mtu: mtu,
      remembered: remembered,
      random: RandomNumbers(seed: SipHash.Key(seed, 2131)),
      at: .at(0)
    )
  }

  /// What the client says, taken apart.
  struct Said {
    let message: SentDHCP
    let destination: IPv4Address
    let request: DHCPRequest

    var kind: UInt8 { message.kind }
    var options: [UInt8: [UInt8]] { message.options }
  }

  /// What `request` is on the wire.
  static func said(_ request: DHCPRequest, to server: IPv4Address) -> Said {
    var bytes = [UInt8](repeating: 0xEE, count: request.size)
    var span = bytes.mutableSpan
    // SAFETY: A byte has no padding.
    var raw = unsafe span.mutableBytes
    request.write(to: &raw)
    return Said(
      // The helper reads the message behind 42 bytes of headers.
      message: SentDHCP([UInt8](repeating: 0, count: 42) + bytes),
      destination: server,
      request: request
    )
  }

  /// The messages that are due; other actions go by.
  func poll(at seconds: Double) -> [Said] {
    var all: [Said] = []
    while let action = client.poll(at: .at(seconds)) {
      if case .send(let request, let server) = action {
        all.append(Self.said(request, to: server))
      }
    }
    return all
  }

  @discardableResult
  func receive(
    _ message: [UInt8],
    at seconds: Double
  ) throws(DropReason) -> DHCPClient.Outcome {
    let reply = try DHCPReply(parsing: message.rawBytes)
    refusedOptions += reply.refusedOptions
    return try client.receive(reply, at: .at(seconds))
  }

  func isFree(_ address: IPv4Address) -> Lease? {
    client.addressIsFree(address)
  }

  func isTaken(_ address: IPv4Address, at seconds: Double) -> Bool {
    client.addressIsTaken(address, at: .at(seconds))
  }

  func release() -> (DHCPRequest, to: IPv4Address)? { client.release() }

  /// DISCOVER to the granted lease that waits to be checked.
  func obtain(
    _ server: DHCPServer = DHCPServer(),
    at seconds: Double = 0,
    adding options: [UInt8] = []
  ) throws -> Lease {
    let discover = try #require(poll(at: seconds).last)
    try receive(server.message(2, to: discover.message), at: seconds)
    let request = try #require(poll(at: seconds).first)
    let answer = server.message(5, to: request.message).dropLast() + options
    guard case .check(let lease) = try receive(answer + [255], at: seconds)
    else {
      Issue.record("nothing is granted")
      throw DropReason.dhcpUnexpected
    }
    return lease
  }

  /// The same, and nobody else has it.
  func bind(
    _ server: DHCPServer = DHCPServer(),
    at seconds: Double = 0
  ) throws {
    let lease = try obtain(server, at: seconds)
    let bound = isFree(lease.address)
    #expect(bound == lease)
  }
}
