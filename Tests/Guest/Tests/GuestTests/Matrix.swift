import GuestHarness

/// The settings of QEMU's network device that the driver is tried with.
enum Matrix {
  private static let machines = ["pc", "q35", "microvm"]

  /// All settings that there can be.
  private static let combinations: [[Int]] = Pairwise.all([
    machines.count,
    GuestOptions.Transport.allCases.count,
    NetworkSettings.Ring.allCases.count,
    NetworkSettings.Interrupts.allCases.count,
    NetworkSettings.Offloads.allCases.count,
  ]).filter { settings($0).isPossible }

  /// Every two settings that may meet do so in one of these.
  static let cells: [NetworkSettings] = Pairwise.cover(combinations)
    .map(settings)

  private static func settings(_ indices: [Int]) -> NetworkSettings {
    NetworkSettings(
      machine: machines[indices[0]],
      transport: GuestOptions.Transport.allCases[indices[1]],
      ring: NetworkSettings.Ring.allCases[indices[2]],
      interrupts: NetworkSettings.Interrupts.allCases[indices[3]],
      offloads: NetworkSettings.Offloads.allCases[indices[4]]
    )
  }
}
