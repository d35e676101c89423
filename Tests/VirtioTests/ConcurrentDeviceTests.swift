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
  /// What device and driver share besides the rings.
  private final class Wires: Sendable {
    /// The driver's notification.
    let doorbell = Atomic(false)
    /// The device's interrupt.
    let interrupt = Atomic(false)
    let isOver = Atomic(false)
    /// What the device has taken from the ring.
    let taken = Atomic(0)
  }

  /// The areas of the rings as the device reaches them.
  private struct Rings: Sendable {
    let addresses: RingAddresses

    private func field(_ address: UInt64) -> UnsafePointer<Atomic<UInt16>> {
      // SAFETY: The address is of a field of 16 bits in the queue's memory,
      // which lives until the device's thread has ended.
      unsafe UnsafePointer(bitPattern: UInt(address))!
    }

    var available: UInt16 {
      unsafe field(addresses.driverArea + 2).pointee
        .load(ordering: .sequentiallyConsistent)
    }

    var driverFlags: UInt16 {
      unsafe field(addresses.driverArea).pointee
        .load(ordering: .sequentiallyConsistent)
    }

    func head(_ index: UInt16) -> UInt16 {
      let slot = UInt64(index % addresses.size)
      return unsafe field(addresses.driverArea + 4 + 2 * slot).pointee
        .load(ordering: .relaxed)
    }

    func setFlags(_ flags: UInt16) {
      unsafe field(addresses.deviceArea).pointee
        .store(flags, ordering: .sequentiallyConsistent)
    }

    func use(_ head: UInt16, _ index: UInt16) {
      let entry = addresses.deviceArea + 4 + 8 * UInt64(index % addresses.size)
      unsafe field(entry).pointee.store(head, ordering: .relaxed)
      unsafe field(addresses.deviceArea + 2).pointee
        .store(index &+ 1, ordering: .sequentiallyConsistent)
    }
  }

  /// A device that gives back at once what it finds, suppresses notifications
  /// while it looks, and sleeps when it finds nothing.
  private static func runDevice(_ rings: Rings, _ wires: Wires) {
    var seen: UInt16 = 0
    while !wires.isOver.load(ordering: .relaxed) {
      rings.setFlags(1)
      while rings.available != seen {
        rings.use(rings.head(seen), seen)
        seen &+= 1
        wires.taken.add(1, ordering: .relaxed)
        if rings.driverFlags == 0 {
          wires.interrupt.store(true, ordering: .sequentiallyConsistent)
        }
      }
      // §2.7.10: notifications on, then one more look.
      rings.setFlags(0)
      if rings.available != seen { continue }
      while !wires.doorbell.exchange(false, ordering: .sequentiallyConsistent),
        !wires.isOver.load(ordering: .relaxed)
      {
        sched_yield()
      }
    }
  }

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
  @Test func bothSidesSleep_neitherWaitsForEver() {
    let pool = PacketPool(capacity: 8)
    var queue = Virtqueue(size: 8)
    let wires = Wires()
    let rings = Rings(addresses: queue.addresses(base: UInt64(queue.address)))
    let device = Thread { Self.runDevice(rings, wires) }
    device.start()
    var returned = 0
    var isStuck = false
    let rounds = 200_000
    while returned < rounds, !isStuck {
      if var packet = pool.allocate() {
        packet.append(64)
        queue.post(
          packet,
          Virtqueue.Direction(deviceWrites: true),
          reachedBy: SameAddresses()
        )
      }
      if queue.publish() {
        wires.doorbell.store(true, ordering: .sequentiallyConsistent)
      }
      // As the kernel does before it halts: interrupts on, one more look.
      queue.suppressInterrupts()
      while queue.takeUsed() != nil { returned += 1 }
      guard queue.inFlightCount > 0, !queue.requestInterrupts() else {
        continue
      }
      isStuck = !Self.wait {
        wires.interrupt.exchange(false, ordering: .sequentiallyConsistent)
      }
      while queue.takeUsed() != nil { returned += 1 }
      if queue.isBroken { break }
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
