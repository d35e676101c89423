import Fuzzing
@testable import Net
import Packets

/// What time servers, and those who pretend to be one, answer to a client, and
/// the passing of time.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let input = unsafe Input(start, count)
  var play = ClockPlay(input)
  while input.count > 0 { play.step() }
  return 0
}

private struct ClockPlay {
  private static let most = 4
  /// RFC 4330 §8.
  private static let kisses = ["DENY", "RSTR", "RATE", "AUTH", "X\0\0\0"]

  private let input: Input
  private let servers: [IPv4Address]
  private var client: SNTPClient
  private var now = Instant(nanoseconds: 0)
  /// When each server was asked last.
  private var asked: [Endpoint: Instant] = [:]
  private var request: SNTPClient.Request?

  init(_ input: Input) {
    self.input = input
    servers = (0..<UInt8(input.index(below: 6))).map {
      IPv4Address(10, 0, 0, 1 + $0)
    }
    client = SNTPClient(
      servers: servers.map { IPAddress($0) },
      random: RandomNumbers(seed: SipHash.Key(1, 2)),
      at: now
    )
  }

  mutating func step() {
    if input.index(below: 3) == 0 { passTime() } else { receive() }
    poll()
    guard let date = client.date(at: now) else { return }
    check(date.text.utf8.count == 20, "\(date.text)")
    check(client.date(at: now + .seconds(1))! > date, "time stands still")
  }

  private mutating func passTime() {
    let scale: Int64 = [1, 100, 10_000][input.index(below: 3)]
    now = now + .milliseconds(scale * Int64(input.byte()))
    if let deadline = client.deadline, input.flag() { now = max(now, deadline) }
  }

  private mutating func poll() {
    guard let request = client.poll(at: now) else {
      // What could be done was: else the machine would spin.
      if let deadline = client.deadline {
        check(deadline > now, "it wants to be asked at once, for nothing")
      }
      return
    }
    let server = request.server
    check(
      servers.prefix(Self.most).contains { IPAddress($0) == server.address }
        && server.port == 123,
      "somebody else is asked"
    )
    check(request.message.count == 48, "\(request.message.count) bytes")
    if let last = asked[server] {
      check(now - last >= .seconds(15), "asked again at once")
    }
    asked[server] = now
    self.request = request
  }

  private mutating func receive() {
    guard let request else { return }
    let (message, quotes) = answer(to: request)
    let source =
      input.index(below: 8) == 7
      ? Endpoint(
        address: IPv4Address(10, 0, 0, UInt8(input.index(below: 7))),
        port: input.flag() ? 123 : 124
      ) : request.server
    let waited = client.isWaiting
    let before = client.date(at: now)
    do throws(SNTPError) {
      try client.receive(message.rawBytes, from: source, at: now)
      check(waited && quotes && source == request.server, "it was not asked")
      check(!client.isWaiting, "it waits for another")
    } catch {
      check(client.date(at: now) == before, "believed all the same")
      check(error != .unexpected || !waited, "it was awaited")
    }
  }

  /// An answer, and whether it quotes the question.
  private func answer(
    to request: SNTPClient.Request
  ) -> (message: [UInt8], quotes: Bool) {
    var message = [UInt8](repeating: 0, count: 48)
    let choice = input.byte()
    message[0] = choice & 7 == 7 ? input.byte() : 0x24
    message[1] = [1, 2, 15, 16, 0, input.byte()][input.index(below: 6)]
    if choice & 8 != 0 { message.replaceSubrange(4..<12, with: input.bytes(8)) }
    let kiss = Self.kisses[input.index(below: Self.kisses.count)]
    message.replaceSubrange(12..<16, with: Array(kiss.utf8))
    let quotes = choice & 0x30 != 0x30
    let quoted =
      quotes ? Array(request.message[40..<48]) : input.bytes(8)
    message.replaceSubrange(24..<32, with: quoted)
    let received = input.bytes(4) + [0, 0, 0, 0]
    message.replaceSubrange(32..<40, with: received)
    let sent = choice & 0x40 != 0 ? input.bytes(8) : received
    message.replaceSubrange(40..<48, with: sent)
    if choice & 0x80 != 0 { message += input.bytes(input.index(below: 24)) }
    let isCut = input.index(below: 16) == 15
    if isCut { message.removeLast(1 + input.index(below: message.count)) }
    let same = message.count >= 32 && message[24..<32] == request.message[40...]
    return (message, same)
  }
}
