import PCIModel
import Packets
import Testing

@testable import Virtio

/// A device that holds packets and sends none is told from one that is idle.
@Suite struct StallWatchTests {
  @Test func fiveLooksWithoutProgress_areAStall_toldOnce() {
    var watch = StallWatch()
    let told = (0..<11).map { _ in
      watch.isStalled(completed: 0, inFlight: 1)
    }
    let isTold = [false, false, false, false, true]
    #expect(told == isTold + isTold + [false])
  }

  @Test func progressOrNothingInFlight_beginsAnew() {
    var watch = StallWatch()
    func looks(_ count: Int, _ completed: UInt64, _ inFlight: Int) -> Bool {
      (0..<count).contains { _ in
        watch.isStalled(completed: completed, inFlight: inFlight)
      }
    }
    #expect(!looks(4, 0, 1))
    #expect(!looks(1, 1, 1))
    #expect(!looks(4, 1, 1))
    #expect(!looks(1, 1, 0))
    #expect(!looks(4, 1, 7))
    #expect(looks(1, 1, 7))
  }

  /// There is always something in flight, and it is always something else.
  @Test func deviceThatIsBusy_isNotTakenForOneThatStalls() throws {
    let rig = Rig(.modernLine)
    var device = try rig.start()
    rig.model.sendsAtOnce = false
    for number in 0..<20 {
      for part in 0..<2 {
        if let packet = rig.packet(frame(2 * number + part)) {
          device.transmit(packet)
        }
      }
      device.flush()
      rig.model.send(atMost: number == 0 ? 1 : 2)
      device.reclaim()
      let isStalled = device.isTransmitStalled()
      #expect(!isStalled)
    }
    try device.stop()
    #expect(rig.hasAllPackets)
  }

  @Test func deviceThatSendsNothing_isSeenAndRestarted() throws {
    let rig = Rig(.modernLine)
    var device = try rig.start()
    rig.model.stalled = [1]
    for number in 0..<3 {
      if let packet = rig.packet(frame(number)) { device.transmit(packet) }
    }
    device.flush()
    var looks = 0
    repeat {
      device.reclaim()
      looks += 1
    } while !device.isTransmitStalled() && looks < 10
    #expect(looks == 5)
    rig.model.stalled = []
    try device.restart()
    let isStalled = (0..<10).contains { _ in device.isTransmitStalled() }
    #expect(!isStalled)
    if let packet = rig.packet(frame(9)) { device.transmit(packet) }
    device.flush()
    #expect(rig.model.sent == [frame(9)])
    try device.stop()
    #expect(rig.hasAllPackets)
    #expect(rig.model.violations == [])
  }
}
