import ArgumentParser
import Glibc

/// Echo requests, each when the one before is answered. The system's ping ends
/// with its last request, or soon after, and on a busy machine does not see what
/// is answered later: this one waits.
struct Ping: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "ICMP: asks for echoes, and says how many came.",
    discussion: "Needs root."
  )

  @Option(help: "The IPv4 address.")
  var host: String

  @Option(help: "How many.")
  var count = 20

  @Option(help: "Bytes of each.")
  var size = 56

  @Option(help: "Seconds to wait for what is missing, once all are sent.")
  var patience = 10

  /// What is not answered within this is not waited for before the next.
  private static let apart: Int32 = 10
  /// RFC 792.
  private static let (request, reply): (UInt8, UInt8) = (8, 0)

  func validate() throws {
    guard 1...65_535 ~= count, 0...1472 ~= size, patience >= 0 else {
      throw ValidationError("--count, --size or --patience is out of range")
    }
  }

  func run() throws {
    let socket = try RawSocket(messagesOf: host)
    let identifier = UInt16.random(in: 0...UInt16.max)
    var missing: Set<UInt16> = []
    for number in 0..<UInt16(count) {
      try socket.send(message(Self.request, identifier, number))
      missing.insert(number)
      let clock = ContinuousClock()
      let next = clock.now + .milliseconds(Int(Self.apart))
      while missing.contains(number), clock.now < next {
        take(socket.receive(within: Self.apart), identifier, &missing)
      }
    }
    let clock = ContinuousClock()
    let end = clock.now + .seconds(patience)
    while !missing.isEmpty, clock.now < end {
      take(socket.receive(within: 100), identifier, &missing)
    }
    print("ping: \(count - missing.count) of \(count)")
  }

  /// Takes in what was received, if it is one of the answers that are missing,
  /// byte by byte.
  private func take(
    _ datagram: [UInt8]?,
    _ identifier: UInt16,
    _ missing: inout Set<UInt16>
  ) {
    guard let datagram, let first = datagram.first else { return }
    let answer = Array(datagram.dropFirst(Int(first & 0xF) * 4))
    guard answer.count == 8 + size else { return }
    let number = UInt16(answer[6]) << 8 | UInt16(answer[7])
    if answer == message(Self.reply, identifier, number) {
      missing.remove(number)
    }
  }

  /// An echo message of `kind`, with its checksum. RFC 792.
  private func message(
    _ kind: UInt8,
    _ identifier: UInt16,
    _ number: UInt16
  ) -> [UInt8] {
    var bytes: [UInt8] = [kind, 0, 0, 0]
    for word in [identifier, number] {
      bytes += [UInt8(word >> 8), UInt8(truncatingIfNeeded: word)]
    }
    bytes += (0..<size).map { UInt8(truncatingIfNeeded: $0 &+ Int(number)) }
    var sum: UInt32 = 0
    for (index, byte) in bytes.enumerated() {
      sum += index % 2 == 0 ? UInt32(byte) << 8 : UInt32(byte)
    }
    while sum > 0xFFFF { sum = (sum & 0xFFFF) + (sum >> 16) }
    let checksum = ~UInt16(sum)
    bytes[2] = UInt8(checksum >> 8)
    bytes[3] = UInt8(truncatingIfNeeded: checksum)
    return bytes
  }
}
