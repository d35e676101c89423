import CVhostUser

/// The device's side of a packed ring. VIRTIO 1.2 §2.8.
struct PackedRing: DeviceRing {
  private enum Field {
    static let descriptorSize = 16
    static let length = 8
    static let identifier = 12
    static let flags = 14
    /// Of the areas for event suppression, §2.8.14.
    static let position = 0
    static let events = 2
    static let areaSize = 4
  }

  /// VIRTQ_DESC_F_AVAIL and VIRTQ_DESC_F_USED, §2.8.1.
  private enum Wrap {
    static let available: UInt16 = 1 << 7
    static let used: UInt16 = 1 << 15
  }

  /// RING_EVENT_FLAGS_*, §2.8.10.
  private enum Events {
    static let enabled: UInt16 = 0
    static let disabled: UInt16 = 1
    static let atPosition: UInt16 = 2
  }

  /// A descriptor of the ring, and how often the ring was gone round.
  private struct Place {
    var position: UInt16
    var wrap: Bool

    /// As 16 bits have it: the wrap counter on top. §2.8.14.
    var bits: UInt16 { position | (wrap ? 1 << 15 : 0) }

    init(bits: UInt16) {
      position = bits & 0x7FFF
      wrap = bits >> 15 != 0
    }

    mutating func advance(by count: UInt16, in size: UInt16) {
      position += count
      if position >= size {
        position -= size
        wrap.toggle()
      }
    }
  }

  let size: UInt16
  private let memory: GuestMemory
  private let ring: SharedMemory
  private let driverArea: SharedMemory
  private let deviceArea: SharedMemory
  private let usesEventIndex: Bool
  private var available: Place
  private var used: Place
  private var published: Place
  /// The flags of the first completion that is not published, which are written
  /// last: the driver looks at it first.
  private var heldFlags: (offset: Int, flags: UInt16)?

  /// QEMU's SET_VRING_BASE and GET_VRING_BASE of packed rings: where chains are
  /// taken in the lower half, where they are given back in the upper one. The
  /// two are the same where those that are held are taken again.
  func base(heldCount: Int) -> UInt32 {
    UInt32(used.bits) | UInt32(used.bits) << 16
  }

  init(
    _ configuration: RingConfiguration,
    _ memory: GuestMemory
  ) throws(VhostUserError) {
    // §2.8.10.1: at most 2^15.
    guard configuration.size > 0, configuration.size <= 32768 else {
      throw .badMessage("a packed ring of \(configuration.size) descriptors")
    }
    size = configuration.size
    self.memory = memory
    ring = try memory.bytes(
      atUserAddress: configuration.descriptors,
      count: Field.descriptorSize * Int(size)
    )
    driverArea = try memory.bytes(
      atUserAddress: configuration.driverArea,
      count: Field.areaSize
    )
    deviceArea = try memory.bytes(
      atUserAddress: configuration.deviceArea,
      count: Field.areaSize
    )
    usesEventIndex = configuration.usesEventIndex
    available = Place(bits: UInt16(truncatingIfNeeded: configuration.base))
    used = Place(bits: UInt16(truncatingIfNeeded: configuration.base >> 16))
    guard available.position < size, used.position < size else {
      throw .badMessage("a packed ring's base is outside of it")
    }
    published = used
  }

  mutating func take() throws(VhostUserError) -> Chain? {
    // With all descriptors held, none can be new, whatever it looks like.
    guard available.position != used.position || available.wrap == used.wrap
    else { return nil }
    let flags = entry(available.position).load16(Field.flags)
    let isAvailable = flags & Wrap.available != 0
    let isUsed = flags & Wrap.used != 0
    guard isAvailable == available.wrap, isUsed != available.wrap else {
      return nil
    }
    // §2.8.21: the flags before the rest.
    vhost_user_fence()
    var parts: [(SharedMemory, UInt16)] = []
    var count: UInt16 = 0
    var identifier: UInt16 = 0
    while true {
      guard count < size else { throw .badDriver("a chain without end") }
      let entry = entry(available.position)
      let flags = entry.load16(Field.flags)
      let part = try memory.bytes(
        at: entry.load64(0),
        count: Int(entry.load32(Field.length))
      )
      // §2.8.6: the last of a chain has its id.
      identifier = entry.load16(Field.identifier)
      count += 1
      available.advance(by: 1, in: size)
      if flags & DescriptorFlag.indirect != 0 {
        guard flags & DescriptorFlag.next == 0, parts.isEmpty else {
          throw .badDriver("an indirect table in a chain")
        }
        parts = try indirectParts(part)
        break
      }
      parts.append((part, flags))
      if flags & DescriptorFlag.next == 0 { break }
    }
    var chain = Chain(identifier: identifier, descriptorCount: count)
    for (part, flags) in parts { try chain.append(part, flags: flags) }
    return chain
  }

  /// §2.8.7: one after the other, whatever their flags say of a next one.
  private func indirectParts(
    _ table: SharedMemory
  ) throws(VhostUserError) -> [(SharedMemory, UInt16)] {
    guard table.count > 0, table.count % Field.descriptorSize == 0 else {
      throw .badDriver("an indirect table of \(table.count) bytes")
    }
    var parts: [(SharedMemory, UInt16)] = []
    for offset in stride(
      from: 0,
      to: table.count,
      by: Field.descriptorSize
    ) {
      let entry = table.slice(at: offset, count: Field.descriptorSize)
      let part = try memory.bytes(
        at: entry.load64(0),
        count: Int(entry.load32(Field.length))
      )
      parts.append((part, entry.load16(Field.flags)))
    }
    return parts
  }

  private func entry(_ position: UInt16) -> SharedMemory {
    ring.slice(
      at: Field.descriptorSize * Int(position),
      count: Field.descriptorSize
    )
  }

  /// §2.8.1: of a used descriptor both bits are the device's wrap counter.
  private static func usedFlags(
    _ completion: Completion,
    wrap: Bool
  ) -> UInt16 {
    (wrap ? Wrap.available | Wrap.used : 0)
      | (completion.length > 0 ? DescriptorFlag.deviceWrites : 0)
  }

  mutating func complete(_ completion: Completion) {
    let entry = entry(used.position)
    entry.store32(completion.length, Field.length)
    entry.store16(
      UInt16(truncatingIfNeeded: completion.identifier),
      Field.identifier
    )
    let flags = Self.usedFlags(completion, wrap: used.wrap)
    if heldFlags == nil {
      let offset = Field.descriptorSize * Int(used.position) + Field.flags
      heldFlags = (offset, flags)
    } else {
      entry.store16(flags, Field.flags)
    }
    used.advance(by: completion.descriptorCount, in: size)
  }

  mutating func publish() -> Bool {
    guard let held = heldFlags else { return false }
    heldFlags = nil
    vhost_user_fence()
    ring.store16(held.flags, held.offset)
    let old = published
    published = used
    vhost_user_fence()
    switch driverArea.load16(Field.events) & 3 {
    case Events.enabled: return true
    case Events.disabled: return false
    default:
      // §2.8.14; positions of the time round before lie `size` lower.
      guard usesEventIndex, old.wrap == used.wrap else { return true }
      let event = Place(bits: driverArea.load16(Field.position))
      let position =
        event.wrap == used.wrap ? event.position : event.position &- size
      return hasPassed(position, from: old.position, to: used.position)
    }
  }

  func setNotifications(_ areWanted: Bool) {
    if areWanted, usesEventIndex {
      deviceArea.store16(available.bits, Field.position)
      vhost_user_fence()
      deviceArea.store16(Events.atPosition, Field.events)
    } else {
      deviceArea.store16(
        areWanted ? Events.enabled : Events.disabled,
        Field.events
      )
    }
    vhost_user_fence()
  }

  /// §2.8.1: makes every descriptor look used, by an id that nobody knows: with
  /// those that were posted it would be the truth, as far as can be told.
  mutating func jump() {
    var place = used
    for _ in 0..<size {
      let flags = place.wrap ? Wrap.available | Wrap.used : 0
      let entry = entry(place.position)
      entry.store16(.max, Field.identifier)
      entry.store16(flags, Field.flags)
      place.advance(by: 1, in: size)
    }
  }

  mutating func completeWithWrongWrap(_ completion: Completion) {
    let entry = entry(used.position)
    entry.store32(completion.length, Field.length)
    entry.store16(
      Self.usedFlags(completion, wrap: !used.wrap),
      Field.flags
    )
  }

  func writeSuppression(_ random: inout some RandomNumberGenerator) {
    deviceArea.store16(.random(in: 0...(.max), using: &random), Field.position)
    deviceArea.store16(.random(in: 0...(.max), using: &random), Field.events)
  }

  /// All descriptors that the device holds are its own to write. Of those that
  /// come to look used, none gets an id that the driver knows: such a one is
  /// the truth as far as anybody can tell, and the driver would then wait at
  /// another place than the device goes on at.
  func scribble(_ random: inout some RandomNumberGenerator) {
    writeSuppression(&random)
    var place = used
    while place.bits != available.bits {
      let entry = entry(place.position)
      for offset in stride(from: 0, to: Field.descriptorSize, by: 2) {
        let bits = UInt16.random(in: 0...(.max), using: &random)
        entry.store16(
          offset == Field.identifier ? bits | 1 << 15 : bits,
          offset
        )
      }
      place.advance(by: 1, in: size)
    }
  }

  /// §2.8.1: of an available descriptor the bits differ.
  func mend() {
    var place = used
    while place.bits != available.bits {
      entry(place.position).store16(
        place.wrap ? Wrap.available : Wrap.used,
        Field.flags
      )
      place.advance(by: 1, in: size)
    }
  }
}
