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

  @Option(help: "How many a second; 0: as many as can be.")
  var rate = 2000

  @Option(help: "After how many it ends.")
  var count: Int?

  @Option(help: "After how many seconds it ends.")
  var seconds: Int?

  @Option(help: "Of addresses and numbers; chosen and said when not given.")
  var seed: UInt64?

  /// How many different frames there are at full speed, and how many are sent
  /// from one look at the clock to the next.
  private static let variety = 16_384
  private static let batch = 64

  private var limit: Duration { .seconds(seconds ?? 1 << 30) }

  func run() throws {
    let seed = seed ?? UInt64.random(in: 0...UInt64.max)
    let socket = try RawSocket(device: target.device)
    var random = SeededBytes(seed: seed)
    let speed = rate > 0 ? "\(rate) a second" : "full speed"
    say("flood: \(kind) to port \(port), \(speed), seed \(seed)")
    let sent =
      rate > 0
      ? try send(by: socket, &random) : try sendAll(by: socket, &random)
    say("flood: \(sent) sent")
  }

  /// Sends at the rate that was asked for.
  private func send(
    by socket: borrowing RawSocket,
    _ random: inout SeededBytes
  ) throws -> Int {
    let clock = ContinuousClock()
    let start = clock.now
    var sent = 0
    while sent < count ?? .max, clock.now - start < limit {
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
    return sent
  }

  /// Sends as fast as the interface takes them: the frames are made before, and
  /// come round again.
  private func sendAll(
    by socket: borrowing RawSocket,
    _ random: inout SeededBytes
  ) throws -> Int {
    var frames: [[UInt8]] = []
    for _ in 0..<Self.variety {
      frames.append(
        segment(&random)
          .frame(from: socket.hardware, to: target.hardwareAddress)
      )
    }
    let clock = ContinuousClock()
    let start = clock.now
    var sent = 0
    while sent < count ?? .max, clock.now - start < limit {
      for _ in 0..<min(Self.batch, (count ?? .max) - sent) {
        try socket.send(frames[sent % frames.count])
        sent += 1
      }
    }
    return sent
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
