import Packets
@testable import Virtio

/// Both ends of one queue, moved as an input says.
///
/// The driver keeps to the queue's preconditions; the device does what it
/// likes, in all of the queue's memory. Whatever it does, a packet is either
/// with the device or was given back once, and none is lost.
public struct RingScript: ~Copyable {
  private static var slots: Int { 96 }
  private static var headerSize: Int { 12 }
  private static var answerSize: Int { 4 }
  private static var bodySize: Int { 40 }

  private let input: Input
  private let pool: PacketPool
  private var queue: Virtqueue
  private var device: RingDevice
  /// The slots that each packet at the device has, by its address, and what of
  /// it the device may write.
  private var posted: [UInt: (slots: Int, writable: Int)] = [:]
  private var wasBroken = false

  /// A queue of the kind and size that `input` says first.
  public init(_ input: Input, isPacked: Bool) {
    self.input = input
    let flags = input.byte()
    var format = QueueFormat()
    format.isPacked = isPacked
    format.hasIndirect = flags & 1 != 0
    format.hasEventIndex = flags & 2 != 0
    format.isInOrder = flags & 4 != 0
    let size =
      isPacked
      ? UInt16(2 + input.index(below: 20)) : 2 << UInt16(input.index(below: 5))
    pool = PacketPool(capacity: Self.slots, slotSize: 256)
    queue = Virtqueue(size: size, format: format)
    device = RingDevice(queue)
    queue.handOver()
  }

  /// Does all that the input says, then takes back what the device has.
  public consuming func run() {
    while input.count > 0 {
      step()
      checkBalance()
    }
    queue.takeBack()
    check(queue.takeUsed() == nil, "a queue that was reset gave a packet")
    let pool = pool
    _ = consume self
    check(pool.available == Self.slots, "a packet is lost with its queue")
  }

  private mutating func step() {
    switch input.index(below: 8) {
    case 0, 1: post()
    case 2: _ = queue.publish()
    case 3, 4: takeUsed()
    case 5:
      device.use(
        UInt16(input.index(below: Int(queue.size) + 1)),
        length: UInt32(input.byte()),
        skipping: UInt16(input.byte())
      )
    case 6: scribble()
    default: ask()
    }
  }

  private mutating func post() {
    let flags = input.byte()
    var direction = Virtqueue.Direction(deviceWrites: flags & 1 != 0)
    direction.headerSize = flags & 2 != 0 ? Self.headerSize : 0
    let fragments = Int(flags >> 2 & 3)
    if !direction.deviceWrites, fragments == 0, flags & 16 != 0 {
      direction.answerSize = Self.answerSize
    }
    let needed =
      queue.descriptorsNeeded(
        headerSize: direction.headerSize,
        fragments: fragments
      ) + (direction.answerSize > 0 ? 1 : 0)
    guard !queue.isBroken, queue.freeCount >= needed,
      pool.available > fragments, var packet = pool.allocate()
    else { return }
    packet.append(Self.bodySize)
    for _ in 0..<fragments {
      guard var fragment = pool.allocate() else { return }
      fragment.append(Self.bodySize)
      packet.append(fragment: fragment)
    }
    let writable =
      direction.deviceWrites ? packet.count : direction.answerSize
    let key = unsafe packet.unsafeAddress
    check(posted[key] == nil, "a slot was given out that the device has")
    posted[key] = (1 + fragments, writable)
    queue.post(packet, direction, reachedBy: IdentityMapping())
  }

  private mutating func takeUsed() {
    guard let completion = queue.takeUsed() else { return }
    let key = unsafe completion.packet.unsafeAddress
    guard let packet = posted.removeValue(forKey: key) else {
      fatalError("a packet was given back that the device did not have")
    }
    check(
      completion.postedCount == packet.writable,
      "\(completion.postedCount) bytes to write, not \(packet.writable)"
    )
  }

  /// Writes somewhere into what the driver shares with the device.
  private func scribble() {
    let offset = Int(input.number(as: UInt16.self)) % queue.byteCount
    let count = min(1 + input.index(below: 16), queue.byteCount - offset)
    // SAFETY: The bytes lie within the queue's memory.
    let start = unsafe UnsafeMutableRawPointer(bitPattern: queue.address)!
    for index in offset..<offset + count {
      unsafe start.storeBytes(
        of: input.byte(),
        toByteOffset: index,
        as: UInt8.self
      )
    }
  }

  private mutating func ask() {
    switch input.index(below: 4) {
    case 0: queue.suppressInterrupts()
    case 1:
      let hasUsed = queue.requestInterrupts()
      check(!hasUsed || queue.hasUsed, "work that is not there")
    case 2: _ = queue.notificationData(1)
    default: _ = queue.hasUsed
    }
  }

  private mutating func checkBalance() {
    check(
      queue.inFlightCount == posted.count,
      "\(queue.inFlightCount) in flight, not \(posted.count)"
    )
    let slots = posted.values.reduce(0) { $0 + $1.slots }
    check(
      pool.available + slots == Self.slots,
      "\(pool.available) free and \(slots) in flight of \(Self.slots)"
    )
    check(!wasBroken || queue.isBroken, "a broken queue has mended itself")
    wasBroken = queue.isBroken
  }
}
