import Packets
import Testing

@Suite struct PacketBufferTests {
  let pool = PacketPool(capacity: 2, slotSize: 128)

  @Test func newPacket_isEmptyBehindItsHeadroom() {
    let packet = pool.allocate(headroom: 10)!
    #expect(packet.count == 0)
    #expect(packet.isEmpty == true)
    #expect(packet.headroom == 10)
    #expect(packet.tailroom == 54)
    #expect(packet.bytes.byteCount == 0)
  }

  @Test func bytes_arePutBehindAndTakenOffBothEnds() {
    var packet = pool.packet([1, 2, 3], headroom: 4)
    packet.append(array: [4, 5])
    #expect(array(packet.bytes) == [1, 2, 3, 4, 5])
    packet.removeFirst(2)
    #expect(array(packet.bytes) == [3, 4, 5])
    #expect(packet.headroom == 6)
    packet.removeLast(1)
    #expect(array(packet.bytes) == [3, 4])
    #expect(packet.tailroom == 64 - 6 - 2)
    #expect(packet.isEmpty == false)
  }

  @Test func header_isPutBeforeBytesThatDoNotMove() {
    var packet = pool.packet([7, 8], headroom: 4)
    let address = unsafe packet.unsafeAddress
    packet.prepend(4)
    var bytes = packet.mutableBytes
    bytes.storeBigEndian(0x0102_0304 as UInt32, at: 0)
    #expect(array(packet.bytes) == [1, 2, 3, 4, 7, 8])
    #expect(packet.headroom == 0)
    let after = unsafe packet.unsafeAddress
    #expect(after == address - 4)
    packet.removeFirst(4)
    let last = unsafe packet.unsafeAddress
    #expect(last == address)
  }

  @Test func wholeSlot_canBeFilled() {
    var packet = pool.allocate()!
    packet.append(64)
    #expect(packet.tailroom == 0)
    packet.append(0)
    packet.append(array: [])
    packet.prepend(0)
    #expect(packet.count == 64)
    packet.removeFirst(64)
    #expect(packet.isEmpty == true)
    #expect(packet.headroom == 64)
    packet.prepend(64)
    packet.removeLast(64)
    #expect(packet.tailroom == 64)
  }

  @Test(arguments: [0, 1, 63, 64])
  func clearedPacket_isEmptyBehindItsHeadroom(headroom: Int) {
    var packet = pool.packet([1, 2, 3])
    packet.clear(headroom: headroom)
    #expect(packet.count == 0)
    #expect(packet.headroom == headroom)
    #expect(packet.tailroom == 64 - headroom)
  }

  @Test func packets_shareNoByte() {
    var first = pool.allocate()!
    var second = pool.allocate()!
    first.append(64)
    second.append(64)
    var bytes = first.mutableBytes
    for offset in 0..<64 { bytes.storeBigEndian(0xAA as UInt8, at: offset) }
    bytes = second.mutableBytes
    for offset in 0..<64 { bytes.storeBigEndian(0x55 as UInt8, at: offset) }
    #expect(array(first.bytes) == [UInt8](repeating: 0xAA, count: 64))
    #expect(array(second.bytes) == [UInt8](repeating: 0x55, count: 64))
  }

  @Test func packetsBytes_beginOnACacheLine() {
    let first = pool.allocate()!
    let second = pool.allocate()!
    let addresses = unsafe [first.unsafeAddress, second.unsafeAddress]
    #expect(addresses.allSatisfy { $0 % 64 == 0 })
  }

  /// Each function, just beyond what it may be asked.
  @Test(
    arguments: [
      "removeFirst", "removeFirst negative", "removeLast",
      "removeLast negative", "prepend", "prepend negative", "append",
      "append negative", "append copying", "clear", "clear negative",
      "allocate", "allocate negative",
    ]
  )
  func tooMuch_traps(operation: String) async {
    await #expect(processExitsWith: .failure) { [operation] in
      let pool = PacketPool(capacity: 2, slotSize: 128)
      var packet = pool.packet([1, 2, 3], headroom: 4)
      switch operation {
      case "removeFirst": packet.removeFirst(4)
      case "removeFirst negative": packet.removeFirst(-1)
      case "removeLast": packet.removeLast(4)
      case "removeLast negative": packet.removeLast(-1)
      case "prepend": packet.prepend(5)
      case "prepend negative": packet.prepend(-1)
      case "append": packet.append(58)
      case "append negative": packet.append(-1)
      case "append copying":
        packet.append(array: [UInt8](repeating: 0, count: 58))
      case "clear": packet.clear(headroom: 65)
      case "clear negative": packet.clear(headroom: -1)
      case "allocate": _ = pool.allocate(headroom: 65)
      case "allocate negative": _ = pool.allocate(headroom: -1)
      default: break
      }
    }
  }

  /// What the table above goes just beyond is allowed.
  @Test func asMuchAsThereIs_isAllowed() {
    var packet = pool.packet([1, 2, 3], headroom: 4)
    packet.prepend(4)
    packet.append(57)
    #expect(packet.count == 64)
    packet.removeFirst(60)
    packet.removeLast(4)
    #expect(packet.isEmpty == true)
  }
}
