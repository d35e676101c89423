import Packets
import Testing

@testable import Net

/// A device that receives into a pool of its own runs short when apps do not
/// read; see ``TCPLimits/reservedPackets``.
@Suite struct TCPDeviceMemoryTests {
  /// A machine: its memory, the slots of its device, and how many of them wait
  /// in the device for what comes.
  struct Machine: CustomTestStringConvertible, Sendable {
    var memory: Int
    var slots: Int
    var slotSize: Int
    var posted: Int
    var crowd: Int

    /// The stack's pool, as the kernel sizes it.
    var packets: Int {
      max(min(memory / 4, 8 << 20), min(memory / 8, 32 << 20)) / 2048
    }
    var testDescription: String {
      "\(memory >> 20) MiB, \(slots) of \(slotSize), \(crowd) connections"
    }
  }

  static let machines = [
    Machine(
      memory: 16 << 20,
      slots: 192,
      slotSize: 4096,
      posted: 128,
      crowd: 120
    ),
    Machine(
      memory: 16 << 20,
      slots: 24,
      slotSize: 67_584,
      posted: 16,
      crowd: 120
    ),
    Machine(
      memory: 64 << 20,
      slots: 512,
      slotSize: 16_384,
      posted: 256,
      crowd: 400
    ),
    Machine(
      memory: 64 << 20,
      slots: 96,
      slotSize: 67_584,
      posted: 64,
      crowd: 400
    ),
  ]

  /// A machine whose device has 16 slots, of which so many wait there.
  static func small(posted: Int) -> Machine {
    Machine(
      memory: 64 << 20,
      slots: 16,
      slotSize: 16_384,
      posted: posted,
      crowd: 0
    )
  }

  /// One connection of many.
  struct Peer {
    let id: ConnectionID
    let port: UInt16
    let iss: SequenceNumber
    /// What of its text has been acknowledged.
    var next = 0
  }

  /// A machine whose device has a pool, and those who talk to it.
  final class Rig {
    let harness: TCPHarness
    let device: PacketPool
    let listener: ListenerID
    private var posted = PacketQueue()
    private var port: UInt16 = 1000
    /// The fewest free slots that were seen, of the device and of the stack.
    private(set) var fewest = (device: Int.max, stack: Int.max)

    init(_ machine: Machine, smallSlots: Int = 0) throws {
      var limits = TCPLimits(memory: machine.memory)
      limits.firstPackets = machine.packets / 4
      limits.backlog = 16
      harness = TCPHarness(
        limits: limits,
        packets: machine.packets,
        smallSlots: smallSlots
      )
      device = PacketPool(capacity: machine.slots, slotSize: machine.slotSize)
      listener = try harness.listen(backlog: 16)
      for _ in 0..<machine.posted { posted.append(device.allocate()!) }
    }

    deinit {
      harness.tcp.abortAll(from: TCPHarness.ours, at: harness.now)
      posted = PacketQueue()
    }

    func connect() throws -> Peer {
      port += 1
      harness.remotePort = port
      harness.receive(Segment(.syn, 0, mss: 1460, scale: 7))
      _ = harness.learnInitial()
      harness.receive(Segment([], 1, ack: 1))
      let id = try #require(harness.accept(listener))
      return Peer(id: id, port: port, iss: harness.iss)
    }

    /// Sends as much of `count` bytes as a slot of the device takes, and notes
    /// what was acknowledged.
    func send(_ count: Int, from peer: inout Peer) {
      harness.remotePort = peer.port
      harness.iss = peer.iss
      let count = min(count, device.bytesPerPacket - 256)
      guard device.available > 0 else { return }
      var packet = harness.packet(
        Segment(.push, 1 + peer.next, ack: 1, pattern(count, from: peer.next)),
        in: device
      )
      packet.mergedSegmentSize = count > 1460 ? 1460 : 0
      harness.receive(packet)
      harness.wait(40)
      for segment in harness.drain() {
        peer.next = max(peer.next, (segment.acknowledgement ?? 1) - 1)
      }
      fewest.device = min(fewest.device, device.available)
      fewest.stack = min(fewest.stack, harness.pool.available)
    }
  }

  private func reserve(_ machine: Machine) -> Int {
    min(128, machine.slots / 8)
  }

  /// Each sends a few bytes that no app reads.
  @Test(arguments: machines)
  func manySmallTexts_leaveTheDeviceItsSlots(machine: Machine) throws {
    let rig = try Rig(machine)
    for _ in 0..<machine.crowd {
      var peer = try rig.connect()
      rig.send(10, from: &peer)
      #expect(peer.next == 10)
    }
    // Copied once less than a quarter is free, or an app's that was there.
    let spare = machine.slots - machine.posted
    #expect(rig.fewest.device >= min(machine.slots / 4, spare) - 1)
    let copied = rig.harness.tcp.counters.bytesCopied
    let kept = spare - rig.device.available
    #expect(copied == UInt64(10 * (machine.crowd - kept)))
    #expect(kept > 0 || spare <= machine.slots / 4 + 1)
  }

  /// Each sends what its window takes and no app reads; then one comes whose
  /// app does.
  @Test(arguments: machines)
  func fullWindows_leaveANewcomerItsShare(machine: Machine) throws {
    let rig = try Rig(machine)
    var crowd: [Peer] = []
    for _ in 0..<machine.crowd {
      crowd.append(try rig.connect())
    }
    for _ in 0..<8 {
      for index in crowd.indices { rig.send(65_000, from: &crowd[index]) }
    }
    #expect(crowd.allSatisfy { $0.next > 0 })
    // Half of each reserve stays for the device, whatever comes.
    #expect(rig.fewest.device >= reserve(machine) / 2)
    #expect(rig.fewest.stack >= 128 / 2)

    var newcomer = try rig.connect()
    var read = 0
    for _ in 0..<200 where read < 300_000 {
      rig.send(30_000, from: &newcomer)
      while case .bytes(let bytes) = rig.harness.read(newcomer.id) {
        #expect(bytes == pattern(bytes.count, from: read))
        read += bytes.count
      }
    }
    #expect(read >= 300_000)
  }

  /// Text that may not stay in the device's slots is copied out of them.
  @Test func largeText_isCopiedWhenTheDeviceIsShort() throws {
    let rig = try Rig(Self.small(posted: 14))
    var peer = try rig.connect()
    // Two are free, one of which it comes in: a reserve of two, of which a
    // connection that holds nothing needs half and one more.
    rig.send(10_000, from: &peer)
    #expect(peer.next == 10_000)
    #expect(rig.harness.tcp.counters.bytesCopied == 10_000)
    #expect(rig.device.available == 2)
    // Six of 1,984 bytes, less one that was there.
    #expect(rig.harness.pool.available == rig.harness.pool.capacity - 6)
    var bytes: [UInt8] = []
    while case .bytes(let more) = rig.harness.read(peer.id) { bytes += more }
    #expect(bytes == pattern(10_000))
  }

  /// What is left of a text when the stack's pool is short too is sent again.
  @Test func largeText_isCopiedAsFarAsMayBe() throws {
    let rig = try Rig(Self.small(posted: 15))
    var peer = try rig.connect()
    // Of the stack's, nine beyond the reserve and the newcomers' part: the
    // second finds eight, of which a quarter is more than one.
    rig.harness.freePackets = 128 + rig.harness.pool.capacity / 4 + 9
    rig.send(10_000, from: &peer)
    #expect(peer.next == 2 * 1984)
    #expect(rig.harness.tcp.counters.packetsShort == 1)
    #expect(rig.device.available == 1)
    rig.harness.freePackets = nil
    rig.send(6032, from: &peer)
    #expect(peer.next == 10_000)
    var bytes: [UInt8] = []
    while case .bytes(let more) = rig.harness.read(peer.id) { bytes += more }
    #expect(bytes == pattern(10_000))
  }

  /// Others hold all that there is; who asks for something is heard, and what a
  /// small slot does not take is sent again once that was read.
  @Test func newcomer_isHeardWithoutASlotOfEither() throws {
    let rig = try Rig(Self.small(posted: 15), smallSlots: 2)
    let small = try #require(rig.harness.pool.small)
    var peers = [try rig.connect(), try rig.connect(), try rig.connect()]
    rig.harness.freePackets = 60
    rig.send(36, from: &peers[0])
    #expect(peers[0].next == 36)
    rig.send(1000, from: &peers[1])
    #expect(peers[1].next == small.bytesPerPacket)
    #expect(small.available == 0)
    // A third finds none, and the first, which holds one, has room in it.
    rig.send(36, from: &peers[2])
    #expect(peers[2].next == 0)
    rig.send(100, from: &peers[0])
    #expect(peers[0].next == 136)
    #expect(rig.harness.tcp.counters.packetsShort == 2)
    #expect(rig.device.available == 1)
    var bytes: [UInt8] = []
    for _ in 0..<4 {
      while case .bytes(let more) = rig.harness.read(peers[1].id) {
        bytes += more
      }
      if bytes.count < 1000 { rig.send(1000 - bytes.count, from: &peers[1]) }
    }
    #expect(bytes == pattern(1000))
    guard case .bytes(let request) = rig.harness.read(peers[0].id) else {
      Issue.record("nothing to read")
      return
    }
    #expect(request == pattern(136))
    #expect(small.available == 2)
  }

  /// One out of order is copied, too, if a slot of the stack holds it.
  @Test func outOfOrder_isCopiedWhenTheDeviceIsShort() throws {
    let rig = try Rig(Self.small(posted: 14))
    var peer = try rig.connect()
    peer.next = 1000
    rig.send(500, from: &peer)
    #expect(rig.harness.tcp.counters.outOfOrderKept == 1)
    #expect(rig.harness.tcp.counters.bytesCopied == 500)
    rig.send(5000, from: &peer)
    #expect(rig.harness.tcp.counters.packetsShort == 1)
    #expect(rig.device.available == 2)
  }

  /// What came early gives its slot for what comes in its turn. But a small slot
  /// is not given for one of the device's, or those who have holes would take
  /// all of them, and the device would hear nobody.
  @Test func filledHole_leavesTheDeviceItsSlots() throws {
    let rig = try Rig(Self.small(posted: 14))
    var peers: [Peer] = []
    for _ in 0..<20 {
      var peer = try rig.connect()
      // Three parts that come early, each after a hole, and are copied.
      for start in [9000, 10_000, 11_000] {
        peer.next = start
        rig.send(500, from: &peer)
      }
      peer.next = 0
      peers.append(peer)
    }
    #expect(rig.harness.tcp.counters.outOfOrderKept == 60)
    // Nothing is free but for what they give up.
    rig.harness.freePackets = 0
    for index in peers.indices {
      rig.send(9000, from: &peers[index])
      #expect(rig.device.available == 2)
    }
    // What they have given up is filled; nothing is wrong or lost.
    rig.harness.freePackets = nil
    var peer = peers[0]
    for _ in 0..<12 where peer.next < 12_000 {
      rig.send(12_000 - peer.next, from: &peer)
    }
    #expect(peer.next == 12_000)
    var bytes: [UInt8] = []
    while case .bytes(let more) = rig.harness.read(peer.id) { bytes += more }
    #expect(bytes == pattern(12_000))
  }

  @Test(arguments: [(16, 64 << 10), (64, 256 << 10), (1024, 256 << 10)])
  func buffers_fitTheMemory(mebibytes: Int, buffer: Int) {
    // A machine has a little less than it was given.
    let limits = TCPLimits(memory: (mebibytes << 20) - (mebibytes << 14))
    #expect(limits.receiveBuffer >= buffer)
    #expect(limits.receiveBuffer < 2 * buffer)
    // Of the memory for all, no more than an eighth is one connection's.
    #expect(limits.sendBuffer >= 64 << 10)
    #expect(limits.sendBuffer <= max(limits.sendMemory / 8, 64 << 10))
    #expect(limits.outOfOrderSegments * 1460 >= limits.receiveBuffer)
  }
}
