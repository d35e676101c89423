import ArgumentParser
import Foundation
import GuestHarness

/// Prints what a packet costs the guest, for each kind of ring and offloads.
@main
struct DriverBenchmark: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench-driver",
    abstract: "What packets cost: instructions, device accesses, interrupts.",
    discussion: """
      QEMU counts instructions for a clock (-icount), so that neither the speed \
      of this machine nor what else it does matters. Only what arrives together \
      varies.
      """
  )

  @Option(help: "pc, q35 or microvm.")
  var machine = "pc"

  @Option(help: "auto, legacy, modern, mmio or mmio-legacy.")
  var transport = GuestOptions.Transport.modern

  @Option(parsing: .upToNextOption, help: "split, packed.")
  var rings = NetworkSettings.Ring.allCases

  @Option(parsing: .upToNextOption, help: "As the table calls them.")
  var offloads = NetworkSettings.Offloads.allCases

  @Option(help: "Of so many measurements, the median is printed.")
  var times = 3

  func validate() throws {
    guard (1...100).contains(times) else {
      throw ValidationError("--times takes 1 to 100, not \(times)")
    }
    for settings in settings where !settings.isPossible {
      throw ValidationError("there is no such device: \(settings)")
    }
  }

  private var settings: [NetworkSettings] {
    rings.flatMap { ring in
      offloads.map {
        NetworkSettings(
          machine: machine,
          transport: transport,
          ring: ring,
          interrupts: transport.isMMIO ? .line : .vectors,
          offloads: $0
        )
      }
    }
  }

  func run() async throws {
    var table = TextTable([
      "ring", "offloads", "per", "instructions", "spread", "device accesses",
      "controller accesses", "interrupts", "exits",
    ])
    for settings in settings {
      let (page, costs) = try await measure(settings)
      say("\(settings): \(page["negotiated features"] ?? "")")
      let ring = page.features.contains("RING_PACKED") ? "packed" : "split"
      guard ring == settings.ring.rawValue else {
        say("  not driven with a \(settings.ring) ring")
        continue
      }
      for (name, cost) in costs {
        let middle = cost.median
        let parts = [middle.device, middle.controller, middle.interrupts]
        table.add(
          [
            ring, settings.offloads.rawValue, name,
            whole(middle.instructions), cost.spread,
          ] + (parts + [middle.exits]).map(fraction)
        )
      }
    }
    print("\(machine), \(transport.rawValue), median of \(times):")
    print(table)
  }

  private func measure(
    _ settings: NetworkSettings
  ) async throws -> (StatusPage, [(String, Measurements)]) {
    try await TAPNetwork.with(Dnsmasq(hasRenewals: false)) { network in
      let log = AccessLog(network.folder.appending("accesses"))
      let socket = network.folder.appending("qmp")
      var options = settings.options
      options.monitor = socket
      // Idle time passes as it does outside.
      options.qemuArguments += ["-icount", "shift=0,sleep=on"]
      options.qemuArguments += log.qemuArguments(transport)
      return try await TAPDemo.with(options, on: network) { demo in
        try await QMP.with(socket) { try await AccessLog.start($0) }
        let workload = Workload(meter: Meter(demo, log))
        var costs: [(String, Measurements)] = []
        for time in 0..<times {
          for (index, (name, cost)) in try await workload.run().enumerated() {
            if time == 0 { costs.append((name, Measurements())) }
            costs[index].1.add(cost)
          }
        }
        return (try await demo.statusPage(), costs)
      }
    }
  }

  /// Tells how far it is, also where the table goes to a file.
  private func say(_ line: String) {
    FileHandle.standardError.write(Data("\(line)\n".utf8))
  }

  private func whole(_ value: Double) -> String { "\(Int(value.rounded()))" }

  /// With two digits after the point.
  private func fraction(_ value: Double) -> String {
    let hundredths = Int((value * 100).rounded())
    let digits = hundredths.magnitude % 100
    return (hundredths < 0 ? "-" : "") + "\(hundredths.magnitude / 100)."
      + (digits < 10 ? "0" : "") + "\(digits)"
  }
}

extension GuestOptions.Transport: ExpressibleByArgument {}
extension NetworkSettings.Ring: ExpressibleByArgument {}
extension NetworkSettings.Offloads: ExpressibleByArgument {}
