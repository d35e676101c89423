import Packets
import Testing

@testable import Virtio

/// A tag on what is sent and off what is received. IEEE 802.1Q-2018 §9.6,
/// VIRTIO 1.2 §5.1.6.5.3.
@Suite struct VLANTests {
  typealias Build = NetworkDeviceModel.Build

  /// The frame with a tag behind its addresses.
  static func tagged(_ frame: [UInt8], _ information: UInt16) -> [UInt8] {
    Array(frame[..<12]) + [0x81, 0x00] + big(information)
      + Array(frame[12...])
  }

  @Test(arguments: [0, 4095, 4096, 65535] as [UInt16])
  func numberThatNoneHas_isNoTag(_ identifier: UInt16) {
    #expect(VLANTag(identifier) == nil)
  }

  @Test(arguments: [1, 5, 4094] as [UInt16], [false, true])
  func frames_haveTheTagOnTheWireAlone(
    _ identifier: UInt16,
    _ isLegacy: Bool
  ) throws {
    let rig = ControlRig(isLegacy: isLegacy)
    var device = try rig.start { $0.vlan = VLANTag(identifier) }
    #expect(rig.model.control.vlans == [identifier])
    let plain = frame(to: 0x5254_0012_3456, 3)
    if let packet = rig.packet(plain) { device.transmit(packet) }
    device.flush()
    device.reclaim()
    #expect(rig.model.sent == [Self.tagged(plain, identifier)])
    // Priority and drop eligibility are not the VLAN's number.
    for information in [identifier, identifier | 0xF000] {
      #expect(rig.model.deliver(Self.tagged(plain, information)))
      let received = device.receiveBytes()
      #expect(received == plain)
    }
    try device.restart()
    #expect(rig.model.control.vlans == [identifier])
    try device.stop()
    #expect(rig.hasAllPackets)
    #expect(rig.model.violations == [])
  }

  /// IP begins at a multiple of 64 as without a tag, and an answer has room.
  @Test func received_isAlignedAsWithoutATag() throws {
    let rig = ControlRig()
    var device = try rig.start { $0.vlan = VLANTag(5) }
    rig.model.deliver(Self.tagged(frame(to: 0x5254_0012_3456), 5))
    if let packet = device.receive() {
      let headroom = packet.headroom
      #expect(headroom == 50)
    }
    try device.stop()
  }

  /// What the filter should have kept out, or a device without one lets in.
  @Test(arguments: [0, 4, 6, 0x5000] as [UInt16])
  func otherTags_areDroppedAndCounted(_ information: UInt16) throws {
    let rig = ControlRig(
      Build(offered: ControlRig.controls & ~FeatureBit.ctrlVLAN.mask)
    )
    var device = try rig.start { $0.vlan = VLANTag(5) }
    let plain = frame(to: 0x5254_0012_3456)
    #expect(rig.model.deliver(plain))
    #expect(rig.model.deliver(Self.tagged(plain, information)))
    #expect(rig.model.deliver(Array(Self.tagged(plain, 5)[..<17])))
    #expect(rig.model.deliver(Self.tagged(plain, 5)))
    let received = device.receiveBytes()
    #expect(received == plain)
    let counters = device.counters
    #expect(counters.receivedOtherVLAN == 3)
    let queue = device.received(pair: 0)
    #expect(queue.dropped == 3 && queue.packets == 1)
    try device.stop()
    #expect(rig.hasAllPackets)
    #expect(rig.model.violations == [])
  }

  /// The filter is the device's: without it in the table nothing tagged comes.
  @Test func withoutAVLAN_theDeviceFiltersTags() throws {
    let rig = ControlRig()
    let device = try rig.start()
    let plain = frame(to: 0x5254_0012_3456)
    #expect(!rig.model.deliver(Self.tagged(plain, 5)))
    #expect(rig.model.deliver(plain))
    try device.stop()
  }

  /// What is left to the device moves with the tag: the model completes the
  /// checksum and cuts the packet at the places that the header names.
  @Test func offloads_areFourBytesFurther() throws {
    let offered =
      ControlRig.controls | FeatureBit.bits(.csum, .hostTSO4, .guestHdrlen)
    let rig = ControlRig(Build(offered: offered))
    var device = try rig.start { $0.vlan = VLANTag(5) }
    if let packet = rig.packet(Self.segment(payload: 1400)) {
      var packet = packet
      packet.partialChecksum = .init(start: 34, field: 16)
      packet.segmentation = .init(kind: .tcp4, segmentSize: 600, headerSize: 54)
      device.transmit(packet)
    }
    device.flush()
    device.reclaim()
    #expect(rig.model.sentHeaders.first?.checksumStart == 38)
    #expect(rig.model.sentHeaders.first?.headerLength == 58)
    #expect(rig.model.wire.count == 3)
    for frame in rig.model.wire {
      let parsed = ParsedFrame(frame)
      #expect(parsed.vlan == 5)
      #expect(
        parsed.checksumField == parsed.fullChecksum(end: parsed.networkEnd)
      )
    }
    try device.stop()
    #expect(rig.model.violations == [])
  }

  /// A TCP segment over IPv4 whose checksum is only the pseudo-header's sum.
  static func segment(payload count: Int) -> [UInt8] {
    let length = UInt16(20 + 20 + count)
    var ip: [UInt8] =
      [0x45, 0] + big(length) + [0, 0, 0x40, 0, 64, 6, 0, 0]
      + [10, 0, 0, 1, 10, 0, 0, 2]
    ip.replaceSubrange(10..<12, with: big(~Checksum.sum(ip[...])))
    let tcp: [UInt8] =
      [0x10, 0, 0, 7, 0, 0, 0, 1, 0, 0, 0, 1, 0x50, 0x10, 0x10, 0]
      + [0, 0, 0, 0]
    var frame =
      octets(address(1)) + octets(address(2)) + [8, 0] + ip + tcp
      + (0..<count).map { UInt8(truncatingIfNeeded: $0) }
    let sum = ParsedFrame(frame).pseudoHeaderSum(end: frame.count)
    frame.replaceSubrange(50..<52, with: big(sum))
    return frame
  }
}
