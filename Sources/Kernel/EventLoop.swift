import Apus
import BasicContainers
import Net
import PCI
import Packets
import Runtime
import Virtio

/// What the one core does, for as long as the app runs: take what the device
/// has, run the stack, run the tasks, send, and only then wait.
///
/// While there is work the device is asked not to interrupt; before waiting it
/// is asked to, and looked at once more, so that nothing that came in between
/// is slept through.
final class EventLoop {
  private let networks: Networks
  /// The first of their ports, which mostly is the only one.
  private let first: NetworkPort
  private let host: Host
  /// How many turns went by without a wait, and so without interrupts.
  private var busyTurns = 0
  private var halts = Halts()
  private var timer = Timer()

  /// After so many, interrupts are let in all the same: frames are looked for
  /// in any case, but a change of the device's configuration only interrupts.
  private static var mostBusyTurns: Int { 64 }
  /// How long the loop goes on after the app's end for what it has written to
  /// be sent and acknowledged.
  private static var lingerTime: Interval { .seconds(2) }
  /// How long it then waits for a DHCP server's hardware address, to give the
  /// lease back: a server of the link answers in much less.
  private static var releaseTime: Interval { .milliseconds(100) }

  /// When the devices are looked at next, whatever they say.
  private var nextLook: Instant
  private static var lookInterval: Interval { .seconds(1) }

  /// A loop for `networks` and their host.
  init(_ networks: Networks) {
    self.networks = networks
    host = networks.host
    first = networks.ports[0]
    nextLook = Clock.now + Self.lookInterval
  }

  /// Runs until the app has ended, and returns how.
  func run() -> Host.AppEnd {
    host.machineCounters = { self.counters }
    var now = Clock.now
    while true {
      turn(at: now)
      if let end = host.appEnd {
        linger()
        return end
      }
      if Executor.hasReadyJobs {
        stayBusy()
        now = Clock.now
      } else {
        now = wait(until: deadline)
      }
    }
  }

  /// When there is something to do whatever comes.
  private var deadline: Instant {
    guard let deadline = host.deadline else { return nextLook }
    return min(deadline, nextLook)
  }

  /// Everything that can be done now. What tasks write goes with what else there
  /// is to send, so they run first.
  private func turn(at now: Instant) {
    forEachPort { $0.receive(at: now) }
    host.poll(at: now)
    var later = now
    if Executor.hasReadyJobs {
      Executor.runReadyJobs()
      later = Clock.now
    }
    forEachPort { $0.transmit(at: later) }
    guard now >= nextLook else { return }
    nextLook = now + Self.lookInterval
    networks.look(at: now)
  }

  /// Waits for more to do, until `deadline` at the latest, and returns the time
  /// then.
  private func wait(until deadline: Instant) -> Instant {
    var hasWork = false
    forEachPort { if $0.enableInterrupts() { hasWork = true } }
    if !hasWork, timer.arm(for: deadline) {
      halts.wait()
      busyTurns = 0
    } else {
      stayBusy()
    }
    let now = Clock.now
    disableInterrupts(at: now)
    return now
  }

  private func disableInterrupts(at now: Instant) {
    forEachPort { $0.disableInterrupts(at: now) }
  }

  /// Calls `body` for each port. The list is not looked at while there is one: a
  /// turn of the loop would pay for it four times.
  @inline(__always)
  private func forEachPort(_ body: (NetworkPort) -> Void) {
    body(first)
    guard networks.areSeveral else { return }
    for port in networks.ports.dropFirst() { body(port) }
  }

  private func stayBusy() {
    busyTurns += 1
    guard busyTurns >= Self.mostBusyTurns else { return }
    busyTurns = 0
    Interrupts.glance()
    disableInterrupts(at: Clock.now)
  }

  /// What the processor, the device and the heap count.
  private var counters: [Counter] {
    var counters = [
      Counter("cpu: busy ticks", halts.busyTicks),
      Counter("cpu: halts", halts.count),
    ]
    for port in networks.ports { port.append(to: &counters) }
    counters.append(
      Counter("memory: packets in use", UInt64(host.packetsInUse))
    )
    counters.append(
      Counter(
        "memory: bytes of send buffers in use",
        UInt64(host.sendMemoryInUse)
      )
    )
    let heap = MachineHeap.statistics
    counters.append(Counter("heap: bytes", UInt64(heap.capacity)))
    counters.append(Counter("heap: bytes in use", UInt64(heap.bytesInUse)))
    counters.append(
      Counter("heap: most bytes in use", UInt64(heap.peakBytesInUse))
    )
    counters.append(Counter("heap: blocks in use", UInt64(heap.blocksInUse)))
    return counters
  }

  /// Lets what the app has written reach its peers, for a while.
  private func linger() {
    let lastMoment = Clock.now + Self.lingerTime
    host.services?.cancel()
    while Executor.hasReadyJobs, Clock.now < lastMoment {
      turn(at: Clock.now)
    }
    while host.hasUnacknowledged, Clock.now < lastMoment {
      turn(at: wait(until: min(deadline, lastMoment)))
    }
    releaseLeases()
  }

  /// Gives the addresses back, once nobody needs them any more.
  private func releaseLeases() {
    let lastMoment = Clock.now + Self.releaseTime
    host.releaseLeases(at: Clock.now)
    turn(at: Clock.now)
    while host.hasUnsentControl, Clock.now < lastMoment {
      turn(at: wait(until: min(deadline, lastMoment)))
    }
  }
}
