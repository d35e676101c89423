import Foundation
import Packets
import Synchronization
import Testing

@testable import Virtio

/// The queue against a device that runs at the same time on another core and
/// goes to sleep whenever it finds nothing: what the barriers are for.
/// VIRTIO 1.2 §2.7.13.
///
/// How often the cores reorder is theirs: optimised and with both cores free, a
/// missing fence fails this test in most runs; in a debug build, where
/// instructions lie in between, it seldom does.
@Suite(.serialized) struct ConcurrentDeviceTests {
  /// Either kind of ring, with event indices and without.
  static let kinds: [Features] = [
    [], .eventIdx, .ringPacked, [.ringPacked, .eventIdx],
  ]

  private static let rounds = 200_000

  /// What device and driver share besides the rings.
  private final class Wires: Sendable {
    /// The driver's notification.
    let doorbell = Atomic(false)
    /// The device's interrupt.
    let interrupt = Atomic(false)
    let isOver = Atomic(false)
    /// What the device has taken from the ring.
    let taken = Atomic(0)
    /// Written by the driver just before it shows the device something. The
    /// device's core has the line then, so the store waits, and all stores
    /// behind it: what the driver loads overtakes them unless a fence forbids.
    let delay = Atomic(0)
  }

  private static func runDevice(_ device: ConcurrentDevice, _ wires: Wires) {
    var device = device
    while !wires.isOver.load(ordering: .relaxed) {
      device.suppress()
      while device.hasAvailable {
        let isInterruptWanted = device.use()
        wires.taken.add(1, ordering: .relaxed)
        if isInterruptWanted {
          wires.interrupt.store(true, ordering: .sequentiallyConsistent)
        }
      }
      // §2.7.10, §2.8.14: notifications on, then one more look.
      device.arm()
      if device.hasAvailable { continue }
      while !wires.doorbell.exchange(false, ordering: .sequentiallyConsistent),
        !wires.isOver.load(ordering: .relaxed)
      {
        sched_yield()
      }
    }
  }

  /// A little while that the compiler does not take away.
  @inline(never) private static func spin() {}

  /// Spins until `condition` holds, or ten seconds are over.
  @discardableResult
  private static func wait(_ condition: () -> Bool) -> Bool {
    let end = ContinuousClock.now + .seconds(10)
    var rounds = 0
    while !condition() {
      rounds += 1
      guard rounds % 1024 == 0 else { continue }
      if ContinuousClock.now > end { return false }
      sched_yield()
    }
    return true
  }

  /// Neither side ever waits for the other: no notification and no interrupt is
  /// lost, and everything comes back.
  @Test(arguments: kinds)
  func bothSidesSleep_neitherWaitsForEver(_ features: Features) {
    let pool = PacketPool(capacity: 8)
    let isPacked = features.contains(.ringPacked)
    var queue = Virtqueue(
      size: isPacked ? 7 : 8,
      format: QueueFormat(features)
    )
    let wires = Wires()
    let side = ConcurrentDevice(
      queue.addresses(base: UInt64(queue.address)),
      features
    )
    let device = Thread { Self.runDevice(side, wires) }
    device.start()
    var returned = 0
    var isStuck = false
    let rounds = Self.rounds
    var round = 0
    while returned < rounds, !isStuck, !queue.isBroken {
      round &+= 1
      // Later and later within what the device takes to fall asleep.
      for _ in 0..<(round % 256) { Self.spin() }
      if queue.freeCount > 0, var packet = pool.allocate() {
        packet.append(64)
        queue.post(
          packet,
          Virtqueue.Direction(deviceWrites: true),
          reachedBy: SameAddresses()
        )
      }
      wires.delay.store(round, ordering: .relaxed)
      if queue.publish() {
        wires.doorbell.store(true, ordering: .sequentiallyConsistent)
      }
      if round % 2 == 0 {
        // As one that polls: only a lost notification makes it wait.
        isStuck = !Self.wait { queue.hasUsed }
        while queue.takeUsed() != nil { returned += 1 }
        continue
      }
      // As the kernel does before it halts: interrupts on, one more look.
      queue.suppressInterrupts()
      while queue.takeUsed() != nil { returned += 1 }
      wires.delay.store(round, ordering: .relaxed)
      guard queue.inFlightCount > 0, !queue.requestInterrupts() else {
        continue
      }
      isStuck = !Self.wait {
        wires.interrupt.exchange(false, ordering: .sequentiallyConsistent)
      }
      while queue.takeUsed() != nil { returned += 1 }
    }
    wires.isOver.store(true, ordering: .relaxed)
    Self.wait { device.isFinished }
    #expect(!isStuck, "stuck after \(returned) of \(rounds)")
    let isBroken = queue.isBroken
    // Its packets go back before the pool ends.
    _ = consume queue
    withExtendedLifetime(pool) {}
    #expect(!isBroken)
    #expect(wires.taken.load(ordering: .relaxed) >= rounds)
  }
}

/// A device that sees memory as the processor does.
struct SameAddresses: AddressMapping {
  func deviceAddress(of address: UInt, byteCount: Int) -> UInt64 {
    UInt64(address)
  }
}
