import ArgumentParser

/// Asks every port whether anybody listens.
struct Scan: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "TCP: a SYN to each of 65,535 ports; each has to be answered.",
    discussion: "Needs root."
  )

  @OptionGroup var target: Target

  @Option(help: "The address to ask from, of this machine.")
  var from: String

  /// How many are asked at once.
  private static let batch = 32
  /// How often one that does not answer is asked.
  private static let attempts = 10
  private static let sourcePort: UInt16 = 61_000

  func run() throws {
    let socket = try RawSocket(device: target.device)
    let source = Target.numbers(from, ".", 10)
    var open: [UInt16] = []
    var closed = 0
    for start in stride(from: 1, through: 65_535, by: Self.batch) {
      var missing = Set(
        (start..<min(start + Self.batch, 65_536)).map { UInt16($0) }
      )
      for _ in 0..<Self.attempts where !missing.isEmpty {
        for port in missing.sorted() {
          var segment = RawSegment(
            from: source,
            Self.sourcePort,
            to: target.address,
            port,
            flags: RawSegment.syn
          )
          segment.number = UInt32(port) << 8
          try socket.send(
            segment.frame(from: socket.hardware, to: target.hardwareAddress)
          )
        }
        while !missing.isEmpty, let frame = socket.receive(within: 200) {
          guard let answer = RawSegment(frame),
            answer.source == target.address,
            answer.destinationPort == Self.sourcePort,
            answer.acknowledged == UInt32(answer.sourcePort) << 8 + 1,
            missing.remove(answer.sourcePort) != nil
          else { continue }
          if answer.flags & RawSegment.rst != 0 {
            closed += 1
          } else {
            open.append(answer.sourcePort)
          }
        }
      }
      guard missing.isEmpty else {
        throw ProbeFailure("no answer from ports \(missing.sorted())")
      }
    }
    let list = open.sorted().map(String.init).joined(separator: " ")
    print("scan: open \(list); \(closed) closed")
  }
}
