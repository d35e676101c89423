import PCI
import PCIModel

/// A driver by hand, for tests of the model itself: it writes registers and
/// rings as a test tells it, rules or not, and shares nothing with the real
/// one.
@safe final class HandDriver {
  typealias Build = NetworkDeviceModel.Build

  let machine = ModelMachine()
  let model: NetworkDeviceModel
  let accepted: UInt64
  var rings: [Int: HandRing] = [:]

  private let arena: UnsafeMutableRawPointer
  private let base: UInt64
  private var end = 0
  private static let arenaSize = 1 << 20

  /// A device that offers just what is accepted, unless `build` says more.
  init(_ features: [FeatureBit], _ build: Build = Build()) {
    var build = build
    accepted = features.reduce(FeatureBit.version1.mask) { $0 | $1.mask }
    build.offered = accepted | 1 << 5
    model = NetworkDeviceModel(build, in: machine)
    // SAFETY: Freed by `deinit`; all accesses go by the model's memory, which
    // knows these bounds.
    unsafe arena = .allocate(byteCount: Self.arenaSize, alignment: 4096)
    unsafe arena.initializeMemory(
      as: UInt8.self,
      repeating: 0,
      count: Self.arenaSize
    )
    base = unsafe machine.host.deviceAddress(
      of: UInt(bitPattern: arena),
      byteCount: Self.arenaSize
    )
    machine.root.add(model, 3)
    // Memory space and bus master.
    model.bytes[4] = 6
  }

  deinit { unsafe arena.deallocate() }

  var memory: ModelMemory { machine.memory }
  var violations: [Violation] { model.violations }

  /// Memory that the device reaches.
  func allocate(_ count: Int, alignment: Int = 16) -> UInt64 {
    end = (end + alignment - 1) / alignment * alignment
    defer { end += count }
    precondition(end + count <= Self.arenaSize, "the arena is full")
    return base + UInt64(end)
  }

  /// The same with these bytes in it.
  func store(_ bytes: [UInt8]) -> UInt64 {
    let address = allocate(bytes.count)
    _ = memory.write(address, bytes)
    return address
  }

  // MARK: Registers

  func write(_ offset: Int, _ value: UInt32, width: Int = 2) {
    model.write(
      .init(baseAddress: 4, offset: offset, width: width, value: value)
    )
  }

  func read(_ offset: Int, width: Int = 2) -> UInt32 {
    model.read(4, offset, width: width)
  }

  func setStatus(_ status: UInt32) { write(20, status, width: 1) }

  /// Up to the features, with another set if that is given.
  func agree(_ features: UInt64? = nil) {
    let features = features ?? accepted
    setStatus(0)
    while read(20, width: 1) != 0 {}
    setStatus(1)
    setStatus(3)
    for half in 0..<2 {
      write(8, UInt32(half), width: 4)
      write(
        12,
        UInt32(truncatingIfNeeded: features >> UInt64(32 * half)),
        width: 4
      )
    }
    setStatus(0xB)
    _ = read(20, width: 1)
  }

  /// Sets a queue up, with a ring of zeros.
  func enable(_ queue: Int, size: UInt16? = nil) {
    write(22, UInt32(queue))
    let size = size ?? UInt16(read(24))
    let rules = model.ringRules
    let ring = HandRing(
      size: size,
      isPacked: rules.isPacked,
      hasEventIndex: rules.hasEventIndex,
      isInOrder: rules.isInOrder,
      descriptors: allocate(16 * Int(size)),
      driverArea: allocate(6 + 2 * Int(size)),
      deviceArea: allocate(6 + 8 * Int(size))
    )
    rings[queue] = ring
    write(24, UInt32(size))
    let areas = [ring.descriptors, ring.driverArea, ring.deviceArea]
    for (index, area) in areas.enumerated() {
      let offset = 32 + 8 * index
      write(offset, UInt32(truncatingIfNeeded: area), width: 4)
      write(offset + 4, UInt32(area >> 32), width: 4)
    }
    write(28, 1)
  }

  /// Through to DRIVER_OK, with these queues or all.
  func start(queues: [Int]? = nil, size: UInt16? = nil) {
    agree()
    for queue in queues ?? Array(model.queues.indices) {
      enable(queue, size: size)
    }
    setStatus(0xF)
  }

  // MARK: Queues

  func notify(_ queue: Int, data: UInt16? = nil) {
    let offset = 0x3000 + 4 * Int(model.build.allNotifyOffsets[queue])
    if accepted & FeatureBit.notificationData.mask != 0 {
      let data = data ?? rings[queue]?.notificationData ?? 0
      write(offset, UInt32(queue) | UInt32(data) << 16, width: 4)
    } else {
      write(offset, UInt32(queue))
    }
  }

  /// Makes a chain available; nobody is notified.
  @discardableResult
  func add(
    _ queue: Int,
    _ parts: [HandRing.Part],
    isIndirect: Bool = false
  ) -> UInt16 {
    let table = isIndirect ? allocate(16 * parts.count) : nil
    return rings[queue]?.add(parts, table: table, memory) ?? 0
  }

  func publish(_ queue: Int) { rings[queue]?.publish(memory) }

  /// Adds, publishes and notifies.
  func post(_ queue: Int, _ parts: [HandRing.Part], isIndirect: Bool = false) {
    add(queue, parts, isIndirect: isIndirect)
    publish(queue)
    notify(queue)
  }

  /// A frame to send, behind its header.
  func send(
    _ frame: [UInt8],
    _ header: PacketHeaderFields = PacketHeaderFields(),
    queue: Int = 1
  ) {
    let head = header.bytes(model.headerSize)
    post(
      queue,
      [.read(store(head), head.count), .read(store(frame), frame.count)]
    )
  }

  /// Empty buffers to receive into.
  func fill(_ count: Int, length: Int = 1600, queue: Int = 0) {
    for _ in 0..<count {
      add(queue, [.write(allocate(length), length)])
    }
    publish(queue)
    notify(queue)
  }

  /// The next frame received: its header and its bytes.
  func receive(queue: Int = 0) -> (PacketHeaderFields, [UInt8])? {
    guard var bytes = takeUsed(queue) else { return nil }
    let size = model.headerSize
    let header = PacketHeaderFields(bytes)
    for _ in 1..<max(1, Int(header.bufferCount)) {
      guard let more = takeUsed(queue) else { return nil }
      bytes += more
    }
    return (header, Array(bytes.dropFirst(size)))
  }

  /// What the device has written into the next used chain.
  func takeUsed(_ queue: Int) -> [UInt8]? {
    guard let used = rings[queue]?.takeUsed(memory) else { return nil }
    var bytes: [UInt8] = []
    for part in used.parts where part.isWritable {
      bytes += memory.read(part.address, part.length) ?? []
    }
    return Array(bytes.prefix(Int(used.length)))
  }

  /// Gives a command, and says the answer.
  func command(_ kind: UInt8, _ command: UInt8, _ data: [UInt8]) -> UInt8? {
    let queue = model.controlIndex ?? 2
    let head = store([kind, command] + data)
    let answer = store([0xFF])
    post(queue, [.read(head, 2 + data.count), .write(answer, 1)])
    return takeUsed(queue)?.first
  }
}
