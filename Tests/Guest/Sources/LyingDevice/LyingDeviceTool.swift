import ArgumentParser
import VhostUser

/// The device by hand: prints what QEMU is to be given, then what happens.
@main
struct LyingDeviceTool: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "lying-device",
    abstract: "A virtio network device behind QEMU's vhost-user that lies.",
    discussion: """
      On its wire is a peer at 10.77.0.1, which leases 10.77.0.2 to the guest \
      and pings it. Each --lie is told --times times, when the guest has \
      answered five pings since the one before.

      Lies: \(Lie.allCases.map(\.rawValue).joined(separator: " "))
      """
  )

  @Option(help: "Where to listen: a path where nothing is yet.")
  var socket: String

  @Option(help: "The feature bits to offer, a number; by default all.")
  var features: UInt64 = DeviceFeatures.all.rawValue

  @Option(parsing: .upToNextOption, help: "Lies to tell, one after another.")
  var lie: [Lie] = []

  @Option(help: "How often each is told.")
  var times = 3

  @Option(help: "First sends so many bytes to the guest's echo service.")
  var echo: Int?

  @Option(help: "Of what is random.")
  var seed: UInt64 = 1

  @Option(help: "The guest's memory in MiB.")
  var memory = 64

  @Option(
    parsing: .upToNextOption,
    help: "QEMU's name of the device, and options such as packed=on."
  )
  var device = ["virtio-net-pci", "vectors=0", "romfile="]

  func run() async throws {
    let lyingDevice = try LyingDevice(
      socket: socket,
      features: DeviceFeatures(rawValue: features),
      seed: seed
    )
    let arguments = lyingDevice.qemuArguments(
      device: device,
      memory: memory
    )
    print("give QEMU: \(arguments.joined(separator: " "))")
    if let echo { try await exchange(lyingDevice, echo) }
    for lie in lie {
      _ = await lyingDevice.waitUntil(Self.isWell)
      print("telling \(lie) \(times) times")
      lyingDevice.tell(lie, times: times)
      print(await lyingDevice.waitUntil(Self.isWell).map { "\($0)" } ?? "ended")
    }
    // Serves on until it is ended from outside.
    var seen = 0
    while let report = await lyingDevice.waitUntil({ [seen] in
      $0.violations.count > seen
    }) {
      for violation in report.violations[seen...] { print(violation) }
      seen = report.violations.count
    }
  }

  private func exchange(_ device: LyingDevice, _ count: Int) async throws {
    _ = await device.waitUntil(Self.isWell)
    let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }
    let clock = ContinuousClock()
    let start = clock.now
    let answer = await device.exchange(port: 7, bytes)
    let isRight = answer == bytes
    print(
      "echo of \(count) bytes: \(isRight ? "right" : "WRONG"),",
      clock.now - start
    )
  }

  @Sendable
  private static func isWell(_ report: Report) -> Bool {
    report.liesLeft == 0 && report.pongsSinceLie >= 5
  }
}

extension Lie: ExpressibleByArgument {}
