import Net
import Simulation
import Testing

/// Each thing that a wire or a machine can do to a transfer, alone, as far as it
/// goes.
@Suite struct ExtremeTests {
  /// What is extreme, and how much has to arrive in spite of it.
  struct Extreme: CustomTestStringConvertible, Sendable {
    var testDescription: String
    var total = 4 << 20
    var path = PathSettings()
    var machine = MachineSettings()

    init(
      _ name: String,
      total: Int = 4 << 20,
      _ change: (inout PathSettings, inout MachineSettings) -> Void
    ) {
      testDescription = name
      self.total = total
      change(&path, &machine)
    }
  }

  static let all: [Extreme] = [
    Extreme("no delay") { path, _ in path.delay = .zero },
    Extreme("a round trip of 400 ms") { path, _ in
      path.delay = .milliseconds(200)
    },
    Extreme("a round trip of 4 s", total: 1 << 20) { path, _ in
      path.delay = .seconds(2)
    },
    Extreme("a tenth is lost") { path, _ in path.loss = 100_000 },
    Extreme("all is lost for up to 100 ms, often") { path, _ in
      path.burst = 2000
      path.burstLength = .milliseconds(100)
    },
    Extreme("all is lost for up to 10 s, twice a mebibyte") { path, _ in
      path.burst = 2000
      path.burstLength = .seconds(10)
    },
    Extreme("all comes twice") { path, _ in path.duplication = 1_000_000 },
    Extreme("half is overtaken") { path, _ in
      path.reordering = 500_000
      path.reorderingDelay = .milliseconds(10)
      path.delay = .milliseconds(5)
    },
    Extreme("a few are overtaken by thousands") { path, _ in
      path.reordering = 1000
      path.reorderingDelay = .milliseconds(500)
    },
    Extreme("a tenth is changed") { path, _ in path.corruption = 100_000 },
    Extreme("delays vary by 100 ms") { path, _ in
      path.jitter = .milliseconds(100)
    },
    Extreme("64 kbit/s", total: 256 << 10) { path, _ in
      path.rate = 64_000
      path.queue = 16 << 10
    },
    Extreme("64 kbit/s and a minute of queue", total: 1 << 20) { path, _ in
      path.rate = 64_000
      path.queue = 512 << 10
    },
    Extreme("10 Gbit/s") { path, _ in
      path.rate = 10_000_000_000
      path.delay = .milliseconds(50)
    },
    Extreme("a queue of two frames") { path, _ in
      path.rate = 100_000_000
      path.queue = 3100
      path.delay = .milliseconds(10)
    },
    Extreme("a ring of two packets") { _, machine in machine.device.ring = 2 },
    Extreme("a device that cuts, with a ring of two") { _, machine in
      machine.device = .offloading
      machine.device.ring = 2
    },
    Extreme("cuts but takes two fragments") { _, machine in
      machine.device = .offloading
      machine.device.capabilities.mostFragments = 2
    },
    Extreme("completes checksums and no more") { _, machine in
      machine.device.capabilities.completesChecksums = true
    },
    Extreme("merges into slots of 2 KiB of its own") { _, machine in
      machine.device.merges = true
      machine.device.slotSize = 2048
      machine.device.moderation = .milliseconds(2)
    },
    Extreme("merges into the stack's slots") { _, machine in
      machine.device = .offloading
      machine.device.slotSize = nil
      machine.device.moderation = .milliseconds(2)
    },
    Extreme("256 packets") { _, machine in machine.packets = 256 },
    Extreme("datagrams of 576 bytes") { _, machine in machine.mtu = 576 },
    Extreme("buffers of 4 KiB") { _, machine in
      machine.tcpLimits.receiveBuffer = 4096
      machine.tcpLimits.sendBuffer = 4096
    },
  ]

  @Test(arguments: all.indices)
  func transfer_arrivesIntact(number: Int) {
    let extreme = Self.all[number]
    let what = "\(extreme.testDescription): \(extreme.path)"
    play(number, what, [extreme.machine, extreme.machine]) { simulation in
      simulation.wire.setAll(extreme.path)
      let plan = Plan(sends: extreme.total, receives: extreme.total)
      try simulation.serve(on: 1, port: 7, plan)
      try simulation.connect(from: 0, to: 1, port: 7, plan)
      try simulation.finish()
    }
  }
}
