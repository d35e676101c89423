import Packets

/// Which buffers a device is given to receive into: how large, and how many.
/// VIRTIO 1.2 §5.1.6.3.
///
/// | packets beyond a frame | merged buffers | a buffer holds |
/// |---|---|---|
/// | no | – | a frame |
/// | yes | yes | a part of a packet: 16 KiB, or 4 KiB with little memory |
/// | yes | no | the largest packet there is |
///
/// With too little memory for that, large packets are not accepted.
struct ReceivePlan: Equatable, Sendable {
  /// The bytes of a slot, the control block included.
  let slotSize: Int
  /// How many there are.
  let slotCount: Int
  /// The bytes at a slot's end that the device does not get: for the records of
  /// the fragments that follow.
  let reserve: Int
  /// Whether a packet larger than a frame can be received, merged or whole.
  private let takesMerged: Bool
  private let takesHuge: Bool

  /// §5.1.6.3.1: the largest packet with the largest header.
  private static var largestBuffer: Int { 65609 }
  /// Ethernet's header with a tag.
  private static var frameHeaderSize: Int { 18 }
  private static var largestPacketHeader: Int { 20 }

  /// A plan for `memory` bytes, for a device with `features`, packets of up to
  /// `mtu` bytes, and so many receive queues.
  init(_ features: Features, mtu: Int?, queues: Int = 1, memory: Int) {
    let frame = Self.frameSlotSize(mtu: mtu)
    let isMerging = features.contains(.mrgRxbuf)
    let wantsLarge = !features.isDisjoint(with: .guestSegmentation)
    var slotSize = frame
    var merges = false
    var isHuge = false
    if wantsLarge, isMerging {
      for index in VirtioLimits.mergedSlotSizes.indices {
        let size = VirtioLimits.mergedSlotSizes[index]
        guard !merges, size >= frame,
          memory / size >= VirtioLimits.fewestReceiveBuffers,
          Self.posted(memory / size, queues: queues)
            >= Self.buffersOfLargest(slotSize: size)
        else { continue }
        slotSize = size
        merges = true
      }
    } else if wantsLarge {
      let huge = Self.slotSize(holding: Self.largestBuffer)
      if memory / huge >= VirtioLimits.fewestHugeReceiveBuffers,
        Self.posted(memory / huge, queues: queues) > 0
      {
        slotSize = huge
        isHuge = true
      }
    }
    self.slotSize = slotSize
    slotCount = max(memory / slotSize, 2)
    takesMerged = merges
    takesHuge = isHuge
    let perPacket = Self.buffersOfLargest(slotSize: slotSize)
    reserve = merges ? perPacket * PacketBuffer.fragmentTailroom : 0
  }

  /// The buffers of `slotSize` bytes that the largest packet takes at most. A
  /// queue that has fewer holds back all that comes behind such a packet.
  private static func buffersOfLargest(slotSize: Int) -> Int {
    (largestBuffer + slotSize - 1) / slotSize + 1
  }

  /// The buffers of `count` that each of so many queues is given.
  private static func posted(_ count: Int, queues: Int) -> Int {
    count * VirtioLimits.receivePercentOfPool / 100 / queues
  }

  /// The buffers that each of so many queues is given; at least one.
  func postedCount(queues: Int) -> Int {
    min(
      VirtioLimits.receivePackets,
      max(1, Self.posted(slotCount, queues: queues))
    )
  }

  /// The buffers that a queue must have room for.
  func fewestBuffers(_ features: Features) -> Int {
    let isLarge = !features.isDisjoint(with: .guestSegmentation)
    return isLarge && features.contains(.mrgRxbuf) && takesMerged
      ? Self.buffersOfLargest(slotSize: slotSize) : 1
  }

  /// What of `features` these buffers do not allow, for a device that passes on
  /// packets of up to `mtu` bytes.
  func unaffordable(
    _ features: Features,
    mtu: Int?,
    queues: Int = 1
  ) -> Features {
    let isMerging = features.contains(.mrgRxbuf)
    var unaffordable: Features = []
    if !(isMerging ? takesMerged || takesHuge : takesHuge)
      || postedCount(queues: queues) < fewestBuffers(features)
    {
      unaffordable.formUnion(.guestSegmentation)
    }
    let frame = Self.frameSlotSize(mtu: mtu)
    if !(isMerging && takesMerged), frame > slotSize - reserve {
      unaffordable.insert(.mtu)
    }
    return unaffordable
  }

  /// A slot for a frame with a packet of `mtu` bytes, or of Ethernet's 1500.
  private static func frameSlotSize(mtu: Int?) -> Int {
    slotSize(
      holding: largestPacketHeader + frameHeaderSize + max(mtu ?? 0, 1500)
    )
  }

  /// A slot for a buffer of `byteCount` bytes, 2 KiB or more. The packet header
  /// lies in the headroom, so that the IP header is at a multiple of 64.
  private static func slotSize(holding byteCount: Int) -> Int {
    let headroom = 64
    let slot = PacketPool.controlBlockSize + headroom + byteCount
    return max((slot + 63) & ~63, PacketPool.defaultSlotSize)
  }
}
