import Packets

/// A packet as the stretches of memory that its descriptors describe: what of
/// it has a descriptor of its own, and which way it goes.
///
///     | header | body ........ | second part | answer |   first slot
///     | fragment 0 | fragment 1 | ...                     other slots
///
/// What is empty has no descriptor. A packet has fragments or an answer, not
/// both.
struct Chain<Mapping: AddressMapping> {
  private let direction: Virtqueue.Direction
  private let mapping: Mapping
  private let hasHeader: Bool
  private let hasBody: Bool
  private let hasAnswer: Bool
  /// Where the first slot's bytes begin, for the device.
  private let base: UInt64
  private let bodySize: Int
  /// The number of parts.
  let count: Int

  init(
    _ packet: borrowing PacketBuffer,
    _ direction: Virtqueue.Direction,
    _ mapping: Mapping
  ) {
    let hasSecond = direction.secondSize > 0
    precondition(
      direction.answerSize == 0 && !hasSecond || packet.fragmentCount == 0
    )
    self.direction = direction
    self.mapping = mapping
    hasHeader = direction.headerSize > 0
    hasAnswer = direction.answerSize > 0
    // SAFETY: The addresses are only told to the device, which uses no more
    // than the packet's bytes; the queue keeps the packet until it is given
    // back.
    base = unsafe mapping.deviceAddress(
      of: packet.unsafeAddress,
      byteCount: packet.count
    )
    bodySize =
      packet.count - direction.headerSize - direction.secondSize
      - direction.answerSize
    precondition(bodySize >= 0)
    hasBody = bodySize > 0
    count =
      (hasHeader ? 1 : 0) + (hasBody ? 1 : 0) + (hasSecond ? 1 : 0)
      + (hasAnswer ? 1 : 0) + packet.fragmentCount
    precondition(count > 0)
  }

  /// Part `index` of `packet`, which this was made of.
  func part(
    _ index: Int,
    of packet: borrowing PacketBuffer
  ) -> Virtqueue.Part {
    var rest = index
    if hasHeader {
      if rest == 0 { return part(0, direction.headerSize) }
      rest -= 1
    }
    if hasBody {
      if rest == 0 { return part(direction.headerSize, bodySize) }
      rest -= 1
    }
    if hasAnswer || direction.secondSize > 0 {
      let second = direction.headerSize + bodySize
      if index + 1 < count || !hasAnswer {
        return part(second, direction.secondSize)
      }
      return part(second + direction.secondSize, direction.answerSize)
    }
    // SAFETY: As in init.
    let (address, byteCount) = unsafe packet.unsafeFragment(rest)
    return Virtqueue.Part(
      address: mapping.deviceAddress(of: address, byteCount: byteCount),
      length: UInt32(truncatingIfNeeded: byteCount)
    )
  }

  private func part(_ offset: Int, _ byteCount: Int) -> Virtqueue.Part {
    Virtqueue.Part(
      address: base + UInt64(offset),
      length: UInt32(truncatingIfNeeded: byteCount)
    )
  }

  /// Whether the device writes part `index`.
  func isWritten(_ index: Int) -> Bool {
    direction.deviceWrites || hasAnswer && index + 1 == count
  }
}
