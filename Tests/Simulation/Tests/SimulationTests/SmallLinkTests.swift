import Net
import Simulation
import Testing

/// Links on the way that are smaller than those at its ends, and what their
/// routers do with what is too large. RFC 1191, RFC 2923 §2.1.
@Suite struct SmallLinkTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var path = PathSettings()
    var machine = MachineSettings()
  }

  static let routers:
    [(name: String, change: @Sendable (inout PathSettings) -> Void)] = [
      ("tells", { _ in }),
      ("cuts in silence", { $0.tellsTooBig = false }),
      (
        "swallows",
        {
          $0.tellsTooBig = false
          $0.cutsTooBig = false
        }
      ),
    ]

  static let all: [Case] = routers.flatMap { router in
    [986, 1000, 1400].flatMap { mtu in
      [false, true].flatMap { isOffloading in
        [0, 10_000].map { loss in
          var result = Case(
            testDescription: "\(router.name), mtu \(mtu), \(loss) ppm lost"
              + (isOffloading ? ", a device that cuts" : "")
          )
          result.path.mtu = mtu
          result.path.loss = loss
          result.path.delay = .milliseconds(10)
          router.change(&result.path)
          if isOffloading { result.machine.device = .offloading }
          return result
        }
      }
    }
  }

  /// A hundred kilobytes each way, and again on a second connection.
  @Test(arguments: all.indices)
  func transfer_getsThrough(number: Int) {
    let link = Self.all[number]
    play(number, link.testDescription, [link.machine, link.machine]) {
      simulation in
      simulation.wire.setAll(link.path)
      let plan = Plan(sends: 100_000, receives: 100_000)
      try simulation.serve(on: 1, port: 7, plan)
      for _ in 0..<2 {
        try simulation.connect(from: 0, to: 1, port: 7, plan)
        try simulation.finish(limit: .seconds(80))
      }
      for machine in simulation.machines {
        #expect(machine.stack.counters.pathMTUsLowered > 0)
      }
    }
  }

  /// What an end that sends 20 KB every five minutes has as its segment size
  /// after each of them. The link becomes larger after the second.
  @Test(arguments: routers.indices)
  func largerAgain_afterTenMinutes(number: Int) {
    var path = PathSettings()
    path.mtu = 1000
    Self.routers[number].change(&path)
    play(number, Self.routers[number].name) { simulation in
      simulation.wire.setAll(path)
      var plan = Plan(sends: 120_000)
      plan.pace = .steadily(every: .seconds(300))
      plan.writeSize = 20_000
      try simulation.serve(on: 1, port: 7, Plan(receives: 120_000))
      let flow = try simulation.connect(from: 0, to: 1, port: 7, plan)
      var sizes: [Int] = []
      for count in 1...5 {
        try simulation.run(limit: .seconds(400)) {
          simulation.machines[1].flows.first?.read ?? 0 >= count * 20_000
        }
        try simulation.run(for: .seconds(1))
        let information = simulation.machines[0].stack.information(of: flow.id)
        sizes.append(information?.maximumSegmentSize ?? 0)
        if count == 2 {
          path.mtu = 1500
          simulation.wire.setAll(path)
        }
      }
      let small = number == 0 ? 960 : 512
      // The third is sent just before, or after, it is known for ten minutes.
      #expect(sizes[..<2] == [small, small] && sizes[3...] == [1460, 1460])
      try simulation.finish()
    }
  }
}
