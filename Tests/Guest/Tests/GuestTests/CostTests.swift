import Foundation
import GuestHarness
import Testing

/// What the guest counts of itself is true, and what a packet costs stays in
/// bounds.
@Suite struct CostTests {
  /// So many that what else comes by, a look at the clock or a neighbour's
  /// multicast, is little for each.
  private static let pingCount = 5_000

  /// Instructions that a ping reply may cost.
  private static let mostInstructions = 4_750.0

  /// Device accesses and interrupts that it may cost. A notification, an
  /// interrupt and its end; some for what else comes by.
  private static let mostExits = 3.5

  @Test(
    "The driver's own count of its exits is that of QEMU; a ping is cheap",
    .whereTAPIsAllowed,
    arguments: NetworkSettings.Ring.allCases,
    [NetworkSettings.Interrupts.vectors, .line]
  )
  func ping(
    _ ring: NetworkSettings.Ring,
    _ interrupts: NetworkSettings.Interrupts
  ) async throws {
    let settings = NetworkSettings(
      machine: "pc",
      transport: .modern,
      ring: ring,
      interrupts: interrupts,
      offloads: .all
    )
    try await TAPNetwork.with(Dnsmasq(hasRenewals: false)) { network in
      let log = AccessLog(network.folder.appending("accesses"))
      let socket = network.folder.appending("qmp")
      var options = settings.options
      options.monitor = socket
      options.qemuArguments += ["-icount", "shift=0,sleep=on"]
      options.qemuArguments += log.qemuArguments(settings.transport)
      try await TAPDemo.with(options, on: network) { demo in
        try await QMP.with(socket) { try await AccessLog.start($0) }
        let meter = Meter(demo, log)
        let (cost, own) = try await meter.measure(
          counting: "virtio: receive notifications",
          "virtio: transmit notifications",
          "virtio: interrupt status reads"
        ) {
          let answered = try await demo.flood(count: Self.pingCount)
          #expect(answered == Self.pingCount)
        }
        // The readings before and after do not cost just the same.
        #expect(abs(cost.device - own) < 10, "\(cost)")
        guard interrupts == .vectors else { return }
        let perPing = cost * (1 / Double(Self.pingCount))
        #expect(perPing.instructions < Self.mostInstructions)
        #expect(perPing.exits < Self.mostExits, "\(perPing)")
      }
    }
  }

  @Test("Only what a processor does is counted as an exit")
  func accessLog() async throws {
    try await withTemporaryFolder { folder in
      let file = folder.appending("log")
      let log = AccessLog(file)
      let start = """
        memory_region_ops_write cpu 0 mr 0x5 addr 0xfe003000 value 0x0 size 2 \
        name 'virtio-pci-notify-virtio-net'
        memory_region_ops_write cpu -1 mr 0x5 addr 0xfee00000 value 0x32 \
        size 4 name 'apic-msi'
        memory_region_ops_write cpu 0 mr 0x5 addr 0xfee000b0 value 0x0 size 4 \
        name 'apic-msi'
        memory_region_ops_read cpu 0 mr 0x5 addr 0x3fd value 0x60 size 1 name \
        'serial'
        memory_region_ops_write cpu 0 mr 0x5 addr 0x20 value 0x20 size 1 name \
        'pic'

        """
      // The last line is not whole yet.
      let half = start.dropLast(10)
      try half.write(toFile: file.string, atomically: true, encoding: .utf8)
      let first = try log.counts()
      #expect(first.device == 1)
      #expect(first.controller == 1)
      #expect(first.other == 1)
      #expect(first.interrupts == 1)
      try start.write(toFile: file.string, atomically: true, encoding: .utf8)
      let second = try log.counts()
      #expect(second.device == 1)
      #expect(second.controller == 2)
      #expect(second.interrupts == 2)
    }
  }
}
