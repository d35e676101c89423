import PCIModel
import Packets

@testable import Virtio

/// What must hold at all times, and at the end.
extension PropertyRun {
  func audit() throws {
    let (model, machine) = (rig.model, rig.machine)
    try check(model.violations == [], "\(model.violations)")
    try check(machine.violations == [], "\(machine.violations)")
    let faults = model.auditBuffers()
    try check(faults == [], "\(faults)")
    let isBroken = device.isBroken
    try check(!isBroken, "the rings are broken")
    // Each buffer is at one place: free, with the device, or held.
    let pool = device.receivePool
    let out = device.pairs[0].receive.inFlightCount
    try check(
      pool.available + out + heldSlots == pool.capacity,
      "\(pool.available) free, \(out) with the device, \(heldSlots) held"
    )
    let tooSmall = model.undelivered[.bufferTooSmall] ?? 0
    try check(tooSmall == 0, "\(tooSmall) frames did not fit")
    try check(
      model.sent.count <= given.count
        && model.sent == Array(given.prefix(model.sent.count)),
      "what was sent is not what was given"
    )
  }

  /// Everything on its way arrives.
  mutating func settle() throws {
    say("settle")
    for queue in 0..<2 {
      rig.model.suppressNotifications(false, queue: queue)
      // From here on it wants to hear of each.
      rig.model.queues[queue].notifyAfter = 0
      resume(queue)
    }
    for _ in 0..<64 {
      try turn()
      rig.model.send()
      rig.model.complete()
      try receive(atMost: 200)
      dropHeld()
      try audit()
      if expected.isEmpty, rig.model.sent.count == given.count { break }
    }
    try turn()
    rig.model.complete()
    device.reclaim()
    try check(expected.isEmpty, "\(expected.count) frames did not come")
    try check(rig.model.sent == given, "not all was sent")
    try check(rig.model.wire == wire.flatMap { $0 }, "other frames left")
    try audit()
    let counters = device.counters
    let drops =
      counters.receivedTooLong + counters.receivedTooShort
      + counters.receivedBadHeader + counters.receivedPartly
      + counters.receivedBadMerge
    try check(drops == 0, "\(drops) were dropped")
    let left = device.pairs[0].transmit.inFlightCount
    try check(left == 0, "\(left) were not given back")
    let free = rig.pool.available
    try check(free == rig.pool.capacity, "\(free) free to send")
  }

  consuming func end() throws {
    let rig = rig
    try device.stop()
    rig.model.freePackets = nil
    guard rig.hasAllPackets else {
      throw Fault(description: "a packet is lost")
    }
    guard rig.model.violations == [] else {
      throw Fault(description: "\(rig.model.violations)")
    }
  }
}
