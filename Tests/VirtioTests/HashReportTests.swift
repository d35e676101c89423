import Packets
import Testing

@testable import Virtio

/// Reported hashes. VIRTIO 1.2 §5.1.6.4.4.
@Suite struct HashReportTests {
  typealias Build = NetworkDeviceModel.Build

  @Test(arguments: [1, 4], [false, true])
  func hashes_areReportedOnlyWhenAskedFor(_ pairs: Int, _ wants: Bool) throws {
    var build = Build(offered: MultiqueueTests.rss | FeatureBit.hashReport.mask)
    build.pairs = 4
    let rig = ControlRig(build)
    var device = try rig.start {
      $0.queuePairs = pairs
      $0.reportsHashes = wants
    }
    let sent = MultiqueueTests.datagram(1, 1, toUs: true)
    #expect(rig.model.deliver(sent))
    #expect(rig.model.deliver(frame(to: 0x5254_0012_3456)))
    let received = device.receiveBytes()
    let other = device.receiveBytes()
    #expect([received, other].contains(sent))
    #expect(other != nil)
    let (features, counters) = (device.features, device.counters)
    #expect(features.contains(.hashReport) == wants)
    #expect(counters.receivedHashed == (wants ? 1 : 0))
    if let packet = rig.packet(MultiqueueTests.datagram(1, 1, toUs: false)) {
      device.transmit(packet)
    }
    device.flush()
    device.reclaim()
    #expect(rig.model.sent.count == 1)
    try device.stop()
    #expect(rig.hasAllPackets)
    #expect(rig.model.violations == [])
  }

  /// No kind that there is, or one that was not asked for.
  @Test(arguments: [3, 7, 10, 0x101, 0xFFFF] as [UInt16])
  func hashOfAnotherKind_isDropped(_ report: UInt16) throws {
    var build = Build(offered: MultiqueueTests.mq | FeatureBit.hashReport.mask)
    build.hashTypes = 0x1FB
    let rig = ControlRig(build)
    var device = try rig.start { $0.reportsHashes = true }
    var fields = PacketHeaderFields()
    fields.bufferCount = 1
    fields.hashReport = report
    let bytes = frame(to: 0x5254_0012_3456)
    #expect(rig.model.deliver(bytes, header: fields.bytes(20)))
    fields.hashReport = 2
    #expect(rig.model.deliver(bytes, header: fields.bytes(20)))
    let received = device.receiveBytes()
    let counters = device.counters
    #expect(received == bytes)
    #expect(counters.receivedBadHeader == 1 && counters.receivedHashed == 1)
    try device.stop()
    #expect(rig.model.violations == [])
  }
}
