import CVhostUser

/// The device's side of a split ring. VIRTIO 1.2 §2.7.
struct SplitRing: DeviceRing {
  private enum Field {
    static let flags = 0
    static let index = 2
    static let ring = 4
    static let descriptorSize = 16
    static let usedElementSize = 8
  }

  /// VIRTQ_AVAIL_F_NO_INTERRUPT and VIRTQ_USED_F_NO_NOTIFY, §2.7.6, §2.7.8.
  private static let suppressed: UInt16 = 1

  let size: UInt16
  private let memory: GuestMemory
  private let descriptors: SharedMemory
  private let driverArea: SharedMemory
  private let deviceArea: SharedMemory
  private let usesEventIndex: Bool
  /// The next entry of the driver area.
  private var availableIndex: UInt16
  /// The next entry of the device area.
  private var usedIndex: UInt16
  /// The same as the driver last saw it.
  private var publishedIndex: UInt16

  func base(heldCount: Int) -> UInt32 {
    UInt32(availableIndex &- UInt16(heldCount))
  }

  init(
    _ configuration: RingConfiguration,
    _ memory: GuestMemory
  ) throws(VhostUserError) {
    let count = Int(configuration.size)
    // §2.7: a power of two.
    guard count > 0, count & (count - 1) == 0, count <= 32768 else {
      throw .badMessage("a split ring of \(count) descriptors")
    }
    size = configuration.size
    self.memory = memory
    descriptors = try memory.bytes(
      atUserAddress: configuration.descriptors,
      count: Field.descriptorSize * count
    )
    driverArea = try memory.bytes(
      atUserAddress: configuration.driverArea,
      count: Field.ring + 2 * count + 2
    )
    deviceArea = try memory.bytes(
      atUserAddress: configuration.deviceArea,
      count: Field.ring + Field.usedElementSize * count + 2
    )
    usesEventIndex = configuration.usesEventIndex
    availableIndex = UInt16(truncatingIfNeeded: configuration.base)
    usedIndex = deviceArea.load16(Field.index)
    publishedIndex = usedIndex
  }

  mutating func take() throws(VhostUserError) -> Chain? {
    let given = driverArea.load16(Field.index) &- availableIndex
    guard given > 0 else { return nil }
    guard given <= size else {
      throw .badDriver("\(given) chains in a ring of \(size)")
    }
    // §2.7.13: the index before the entry.
    vhost_user_fence()
    let head = driverArea.load16(
      Field.ring + 2 * Int(availableIndex & (size - 1))
    )
    availableIndex &+= 1
    return try chain(at: head)
  }

  private func chain(at head: UInt16) throws(VhostUserError) -> Chain {
    var table = descriptors
    var entries = Int(size)
    var index = Int(head)
    var count: UInt16 = 0
    var inRing: UInt16 = 0
    var isIndirect = false
    var chain: [(SharedMemory, UInt16)] = []
    while true {
      guard index < entries, count < size else {
        throw .badDriver("a chain at \(head) that does not end in its table")
      }
      count += 1
      if !isIndirect { inRing += 1 }
      let entry = table.slice(
        at: Field.descriptorSize * index,
        count: Field.descriptorSize
      )
      let length = Int(entry.load32(8))
      let flags = entry.load16(12)
      let part = try memory.bytes(at: entry.load64(0), count: length)
      if flags & DescriptorFlag.indirect != 0 {
        // §2.7.5.3.1: no table within a table, none that is chained.
        guard !isIndirect, flags & DescriptorFlag.next == 0,
          length > 0, length % Field.descriptorSize == 0
        else { throw .badDriver("a bad indirect table of \(length) bytes") }
        isIndirect = true
        table = part
        entries = length / Field.descriptorSize
        index = 0
        count = 0
        continue
      }
      chain.append((part, flags))
      guard flags & DescriptorFlag.next != 0 else { break }
      index = Int(entry.load16(14))
    }
    var result = Chain(identifier: head, descriptorCount: inRing)
    for (part, flags) in chain { try result.append(part, flags: flags) }
    return result
  }

  mutating func complete(_ completion: Completion) {
    let element =
      Field.ring + Field.usedElementSize * Int(usedIndex & (size - 1))
    deviceArea.store32(completion.identifier, element)
    deviceArea.store32(completion.length, element + 4)
    usedIndex &+= 1
  }

  mutating func publish() -> Bool {
    guard usedIndex != publishedIndex else { return false }
    vhost_user_fence()
    deviceArea.store16(usedIndex, Field.index)
    let old = publishedIndex
    publishedIndex = usedIndex
    // §2.7.7.2: the index before what the driver wants is read.
    vhost_user_fence()
    if usesEventIndex {
      let event = driverArea.load16(Field.ring + 2 * Int(size))
      return hasPassed(event, from: old, to: usedIndex)
    }
    return driverArea.load16(Field.flags) & Self.suppressed == 0
  }

  func setNotifications(_ areWanted: Bool) {
    if usesEventIndex {
      // §2.7.10: one index before the next is far in the future.
      writeAvailableEvent(areWanted ? availableIndex : availableIndex &- 1)
      deviceArea.store16(0, Field.flags)
    } else {
      deviceArea.store16(areWanted ? 0 : Self.suppressed, Field.flags)
    }
    vhost_user_fence()
  }

  private func writeAvailableEvent(_ index: UInt16) {
    deviceArea.store16(
      index,
      Field.ring + Field.usedElementSize * Int(size)
    )
  }

  mutating func jump() { usedIndex &+= size &+ 1 }

  mutating func completeWithWrongWrap(_ completion: Completion) {}

  func writeSuppression(_ random: inout some RandomNumberGenerator) {
    deviceArea.store16(.random(in: 0...(.max), using: &random), Field.flags)
    writeAvailableEvent(.random(in: 0...(.max), using: &random))
  }

  func scribble(_ random: inout some RandomNumberGenerator) {
    for offset in stride(from: 0, to: deviceArea.count, by: 2) {
      deviceArea.store16(.random(in: 0...(.max), using: &random), offset)
    }
  }

  /// The index is the only thing that the driver looks at first.
  func mend() { deviceArea.store16(publishedIndex, Field.index) }
}
