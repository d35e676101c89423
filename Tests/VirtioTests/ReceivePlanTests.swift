import Packets
import Testing

@testable import Virtio

/// Every row of the table of `ReceivePlan`. VIRTIO 1.2 §5.1.6.3.1.
@Suite struct ReceivePlanTests {
  private static let large: Features = [.guestCsum, .guestTSO4]
  private static let merging: Features = [.guestCsum, .guestTSO4, .mrgRxbuf]
  private static let mebibyte = 1 << 20

  struct Row: Sendable {
    var features: Features
    var mtu: Int?
    var memory: Int
    var slotSize: Int
    var slotCount: Int
    var reserve = 0
    var takesLarge = false
  }

  static let rows: [Row] = [
    // A frame.
    Row(features: [], memory: mebibyte, slotSize: 2048, slotCount: 512),
    Row(features: .mrgRxbuf, memory: mebibyte, slotSize: 2048, slotCount: 512),
    // With little memory at least two.
    Row(features: [], memory: 0, slotSize: 2048, slotCount: 2),
    Row(features: [], memory: 6143, slotSize: 2048, slotCount: 2),
    Row(features: [], memory: 6144, slotSize: 2048, slotCount: 3),
    // Control block, headroom, packet header, a tag and the MTU.
    Row(features: .mtu, mtu: 576, memory: 4096, slotSize: 2048, slotCount: 2),
    Row(features: .mtu, mtu: 1882, memory: 8448, slotSize: 2048, slotCount: 4),
    Row(features: .mtu, mtu: 1883, memory: 8448, slotSize: 2112, slotCount: 4),
    Row(
      features: .mtu,
      mtu: 9000,
      memory: mebibyte,
      slotSize: 9216,
      slotCount: 113
    ),
    // Parts of a packet: 60 buffers at least of 16 KiB, then of 4 KiB.
    Row(
      features: merging,
      memory: 60 * 16576,
      slotSize: 16576,
      slotCount: 60,
      reserve: 5 * 16,
      takesLarge: true
    ),
    Row(
      features: merging,
      memory: 60 * 16576 - 1,
      slotSize: 4096,
      slotCount: 242,
      reserve: 18 * 16,
      takesLarge: true
    ),
    Row(
      features: merging,
      memory: 60 * 4096,
      slotSize: 4096,
      slotCount: 60,
      reserve: 18 * 16,
      takesLarge: true
    ),
    Row(
      features: merging,
      memory: 60 * 4096 - 1,
      slotSize: 2048,
      slotCount: 119
    ),
    // 4 KiB are too little for a frame of this size.
    Row(
      features: merging,
      mtu: 9000,
      memory: 60 * 16576,
      slotSize: 16576,
      slotCount: 60,
      reserve: 5 * 16,
      takesLarge: true
    ),
    Row(
      features: merging,
      mtu: 9000,
      memory: 60 * 16576 - 1,
      slotSize: 9216,
      slotCount: 107
    ),
    // The largest packet whole: 32 buffers at least.
    Row(
      features: large,
      memory: 32 * 65792,
      slotSize: 65792,
      slotCount: 32,
      takesLarge: true
    ),
    Row(
      features: large,
      memory: 32 * 65792 - 1,
      slotSize: 2048,
      slotCount: 1027
    ),
  ]

  @Test(arguments: rows.indices)
  func row(_ index: Int) {
    let row = Self.rows[index]
    let plan = ReceivePlan(row.features, mtu: row.mtu, memory: row.memory)
    #expect(plan.slotSize == row.slotSize)
    #expect(plan.slotCount == row.slotCount)
    #expect(plan.reserve == row.reserve)
    let isTaken = plan.unaffordable(row.features, mtu: nil).isEmpty
    #expect(isTaken == row.takesLarge)
  }

  /// After a restart the buffers are the same: what needs others is left out.
  @Test func plan_holdsForOtherFeatures() {
    let small = ReceivePlan([], mtu: nil, memory: 1 << 20)
    let merged = ReceivePlan(Self.merging, mtu: nil, memory: 1 << 20)
    let huge = ReceivePlan(Self.large, mtu: nil, memory: 4 << 20)
    #expect(small.unaffordable(Self.merging, mtu: nil) == .guestSegmentation)
    #expect(small.unaffordable(Self.large, mtu: nil) == .guestSegmentation)
    #expect(merged.unaffordable(Self.merging, mtu: nil) == [])
    #expect(merged.unaffordable(Self.large, mtu: nil) == .guestSegmentation)
    #expect(huge.unaffordable(Self.merging, mtu: nil) == [])
    #expect(huge.unaffordable(Self.large, mtu: nil) == [])
  }

  /// Each of the features that make packets larger counts.
  @Test(arguments: [
    Features.guestTSO4, .guestTSO6, .guestECN, .guestUFO, .guestUSO4,
    .guestUSO6,
  ])
  func anyLargePacket_wantsLargeBuffers(_ feature: Features) {
    let plan = ReceivePlan(
      [.mrgRxbuf, feature],
      mtu: nil,
      memory: 1 << 20
    )
    #expect(plan.slotSize == 16576)
  }

  /// However the memory is shared, a queue that may get the largest packet has
  /// the buffers for it: a device keeps back all that comes behind one that does
  /// not fit.
  @Test func severalQueues_eachTakesTheLargestPacket() {
    var accepted = 0
    for features in [Self.large, Self.merging] {
      for queues in 1...16 {
        for megabytes in [1, 2, 3, 4, 8, 16] {
          let plan = ReceivePlan(
            features,
            mtu: nil,
            queues: queues,
            memory: megabytes << 20
          )
          let out = plan.unaffordable(features, mtu: nil, queues: queues)
          guard out.isDisjoint(with: .guestSegmentation) else { continue }
          accepted += 1
          let slot = plan.slotSize - PacketPool.controlBlockSize - 64
          let room = plan.postedCount(queues: queues) * (slot - plan.reserve)
          #expect(room >= 65609, "\(queues) queues, \(megabytes) MiB")
        }
      }
    }
    #expect(accepted > 50)
  }
}
