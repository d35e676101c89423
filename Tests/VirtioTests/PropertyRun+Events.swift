import PCIModel
import Packets

@testable import Virtio

/// What happens besides traffic: the loop, interrupts, link, stalls, restarts.
extension PropertyRun {
  /// What the loop does when it comes round.
  mutating func turn() throws {
    say("turn")
    // What was answered too late is used all the same.
    rig.model.answerLate()
    device.reclaim()
    device.refill()
    device.flush()
    try checkNotified()
  }

  func checkNotified() throws {
    let owed = rig.model.owedNotifications
    try check(owed == [], "no notification of \(owed)")
  }

  mutating func toggleInterrupts() {
    say("interrupts")
    areInterruptsOn.toggle()
    if areInterruptsOn {
      _ = device.enableInterrupts()
    } else {
      device.disableInterrupts()
    }
  }

  mutating func toggleStall() {
    let queue = random(0...1)
    say("stall \(queue)")
    if rig.model.stalled.insert(queue).inserted { return }
    resume(queue)
  }

  /// A queue goes on; what was notified meanwhile is looked for.
  func resume(_ queue: Int) {
    rig.model.stalled.remove(queue)
    let isLazy = rig.model.looksOnlyWhenNotified
    rig.model.looksOnlyWhenNotified = false
    rig.model.look(queue)
    rig.model.looksOnlyWhenNotified = isLazy
  }

  mutating func flapLink() throws {
    let isUp = chance(50)
    say("link \(isUp)")
    rig.model.changeLink(isUp: isUp)
    let isSaidUp = device.isLinkUp
    let isKnown = device.features.contains(.status)
    try check(isSaidUp == (isUp || !isKnown), "the link is \(isSaidUp)")
  }

  mutating func toggleSuppression() {
    let queue = random(0...1)
    let isSuppressed = chance(50)
    say("suppress \(queue) \(isSuppressed)")
    rig.model.suppressNotifications(isSuppressed, queue: queue)
    // A device that asks for notifications again looks once more.
    if !isSuppressed { resume(queue) }
  }

  mutating func dropHeld() {
    say("drop")
    held = PacketQueue()
    heldSlots = 0
  }

  mutating func restart() throws {
    say("restart")
    rig.model.askForReset()
    let needsReset = device.needsReset
    try check(needsReset, "NEEDS_RESET was not seen")
    let features = device.features
    let restarts = device.counters.restarts
    rig.model.stalled = []
    rig.model.controlAnswer = .honest
    try device.restart()
    isControlLost = false
    try checkControl()
    let (now, count) = (device.features, device.counters.restarts)
    try check(now == features, "other features after a restart")
    try check(count == restarts + 1, "the restart was not counted")
    areInterruptsOn = false
    // What either side held is lost.
    expected = []
    given = Array(given.prefix(rig.model.sent.count))
    wire = Array(wire.prefix(rig.model.sent.count))
  }
}
