import Net
import Simulation
import Testing

/// Ten mebibytes over every combination of what a wire does to them.
@Suite struct CombinationTests {
  static let total = 10 << 20

  /// What case `number` has of each: one bit for each.
  static func path(_ number: Int) -> PathSettings {
    func bit(_ place: Int) -> Bool { number >> place & 1 != 0 }
    var path = PathSettings()
    path.loss = bit(0) ? 50_000 : 0
    path.duplication = bit(1) ? 20_000 : 0
    path.reordering = bit(2) ? 50_000 : 0
    path.corruption = bit(3) ? 10_000 : 0
    path.delay = bit(4) ? .milliseconds(50) : .microseconds(500)
    path.reorderingDelay = path.delay + .milliseconds(1)
    path.rate = bit(5) ? 100_000_000 : 10_000_000
    path.queue = queue(path, fifths: bit(6) ? 20 : 1)
    return path
  }

  /// So many fifths of what a round trip holds, but ten frames at least.
  static func queue(_ path: PathSettings, fifths: Int64) -> Int {
    let roundTrip = path.delay * 2
    let bits = path.rate / 1000 * roundTrip.nanoseconds / 1_000_000
    return max(Int(bits / 8 * fifths / 5), 15_140)
  }

  /// Devices take turns: none does anything, both do all, one of each.
  static func machines(_ number: Int) -> [MachineSettings] {
    var settings = [MachineSettings(), MachineSettings()]
    // So that a change of one factor is not always one of device.
    let turn = (number.nonzeroBitCount + number) % 4
    for place in 0..<2 where turn >> place & 1 != 0 {
      settings[place].device = .offloading
    }
    return settings
  }

  @Test(arguments: 0..<128)
  func tenMebibytes_arriveIntact(number: Int) {
    let path = Self.path(number)
    let settings = Self.machines(number)
    let what = "\(path); \(settings.map(\.device.description))"
    play(number, what, settings) { simulation in
      simulation.wire.setAll(path)
      let total = Self.total
      // Which way the bytes go: one, the other, half of them each.
      let way = number % 3
      let out = [total, 0, total / 2][way]
      try simulation.serve(
        on: 1,
        port: 7,
        Plan(sends: total - out, receives: out)
      )
      try simulation.connect(
        from: 0,
        to: 1,
        port: 7,
        Plan(sends: out, receives: total - out)
      )
      try simulation.finish()
      let counts = simulation.wire[0, 1].counts
      #expect((counts.lost > 0) == (path.loss > 0))
      #expect((counts.duplicated > 0) == (path.duplication > 0))
      #expect((counts.reordered > 0) == (path.reordering > 0))
      #expect((counts.corrupted > 0) == (path.corruption > 0))
    }
  }
}
