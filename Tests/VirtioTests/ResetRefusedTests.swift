import Testing

@testable import Virtio

/// A device that does not come out of its reset when it is started again.
@Suite struct ResetRefusedTests {
  @Test func restart_nothingMoreIsTakenOrGiven() throws {
    let rig = Rig(.modernLine)
    rig.keepPool()
    var device = try rig.start()
    // From now on the status never reads as 0.
    rig.model.tamperRead = { register, offset, _ in
      register == 4 && offset == 20 ? 0x0F : nil
    }
    var failure: VirtioError?
    do throws(VirtioError) { try device.restart() } catch { failure = error }
    #expect(failure == .resetFailed)
    let isBroken = device.isBroken
    #expect(isBroken)
    let canTransmit = device.canTransmit()
    #expect(!canTransmit)
    let before = rig.model.notifications
    device.refill()
    device.flush()
    #expect(rig.model.notifications == before)
    let received = device.receive() == nil
    #expect(received)
  }
}
