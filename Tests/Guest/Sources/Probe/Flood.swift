import ArgumentParser
import Glibc

/// Segments that nobody asked for, from addresses that nobody has.
struct Flood: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "TCP: floods a guest with segments from made-up addresses.",
    discussion: """
      The addresses are of 198.18.0.0/15, which is set aside for tests \
      (RFC 2544); what the guest answers is lost. Needs root. Goes on until it \
      is ended, or has sent --count.
      """
  )

  enum Kind: String, ExpressibleByArgument {
    case syn, ack
  }

  @OptionGroup var target: Target

  @Option(help: "The guest's port.")
  var port: UInt16

  @Option(help: "syn: connections that are never completed; ack: to none.")
  var kind: Kind

  @Option(help: "How many a second.")
  var rate = 2000

  @Option(help: "After how many it ends.")
  var count: Int?

  @Option(help: "Of addresses and numbers; chosen and said when not given.")
  var seed: UInt64?

  func run() throws {
    let seed = seed ?? UInt64.random(in: 0...UInt64.max)
    let socket = try RawSocket(device: target.device)
    var random = SeededBytes(seed: seed)
    say("flood: \(kind) to port \(port), \(rate) a second, seed \(seed)")
    let clock = ContinuousClock()
    let start = clock.now
    var sent = 0
    while sent < count ?? .max {
      let elapsed = (clock.now - start).components
      let milliseconds =
        Int(elapsed.seconds) * 1000
        + Int(elapsed.attoseconds / 1_000_000_000_000_000)
      let due = min(milliseconds * rate / 1000 + 1, count ?? .max)
      while sent < due {
        let segment = segment(&random)
        try socket.send(
          segment.frame(from: socket.hardware, to: target.hardwareAddress)
        )
        sent += 1
      }
      // The rate is a matter of time.
      usleep(1000)
    }
    print("flood: \(sent) sent")
  }

  private func segment(_ random: inout SeededBytes) -> RawSegment {
    let word = random.nextWord()
    let source = [
      198, 18 | UInt8(word & 1), UInt8(truncatingIfNeeded: word >> 8),
      UInt8(truncatingIfNeeded: word >> 16),
    ]
    var segment = RawSegment(
      from: source,
      UInt16(truncatingIfNeeded: word >> 24) | 1024,
      to: target.address,
      port,
      flags: kind == .syn ? RawSegment.syn : RawSegment.ack
    )
    segment.number = UInt32(truncatingIfNeeded: random.nextWord())
    if kind == .ack {
      segment.acknowledged = UInt32(truncatingIfNeeded: random.nextWord())
    }
    return segment
  }
}

/// Prints a line that whoever started this waits for.
func say(_ line: String) {
  print(line)
  // Of no stream: of all.
  fflush(nil)
}
