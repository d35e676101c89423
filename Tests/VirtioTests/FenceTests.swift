import Foundation
import Packets
import Synchronization
import Testing

@testable import Virtio

/// The two full fences of a ring, each by itself. One packet goes to a device on
/// another core and back, 50,000 times; when the device does its part is moved
/// towards the moment at which the driver does its own, and what the driver
/// stores is slow to be seen (``SlowStores``). Without the fence each side
/// misses what the other wrote, and neither does anything any more.
///
/// VIRTIO 1.2 §2.7.7.2, §2.7.13.4.1, §2.8.14.
@Suite(.serialized) struct FenceTests {
  private static let rounds = 50_000

  /// What device and driver share besides the rings.
  private final class Wires: Sendable {
    let doorbell = Atomic(false)
    let interrupt = Atomic(false)
    let isOver = Atomic(false)
    /// The packets that the device is through with, interrupt and all.
    let finished = Atomic(0)
    /// How long the device waits before its part; negative: the driver.
    let delay = Atomic(0)

    /// Moves the device's part to a later time, or to an earlier one.
    func move(later: Bool) {
      let delay = delay.load(ordering: .relaxed)
      let step = 1 + abs(delay) / 32
      let moved = later ? delay + step : delay - step
      self.delay.store(max(-4096, min(moved, 4096)), ordering: .relaxed)
    }

    /// Waits about as long as the delay says.
    func pause(_ numbers: inout SeededNumbers, isDevice: Bool) {
      let signed = delay.load(ordering: .relaxed)
      let delay = max(0, isDevice ? signed : -signed)
      let jitter = Int(numbers.next() >> 32) % (delay / 4 + 16)
      for _ in 0..<(delay + jitter) where isOver.load(ordering: .relaxed) {
        return
      }
    }
  }

  /// Spins until `condition` holds, or ten seconds are over.
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

  // MARK: The device

  /// Never sleeps: gives back what it finds, and interrupts if that is wanted.
  private static func use(_ device: ConcurrentDevice, _ wires: Wires) {
    var device = device
    var numbers = SeededNumbers(state: 1)
    device.suppress()
    while !wires.isOver.load(ordering: .relaxed) {
      let isThere = wait {
        device.hasAvailable || wires.isOver.load(ordering: .relaxed)
      }
      guard isThere, device.hasAvailable else { continue }
      // The device's core has at hand what it is about to read: it is quick then.
      _ = device.wantsInterrupt
      wires.pause(&numbers, isDevice: true)
      if device.use() {
        wires.interrupt.store(true, ordering: .sequentiallyConsistent)
      }
      wires.finished.add(1, ordering: .sequentiallyConsistent)
    }
  }

  /// Sleeps whenever it finds nothing.
  private static func sleep(_ device: ConcurrentDevice, _ wires: Wires) {
    var device = device
    var numbers = SeededNumbers(state: 2)
    while !wires.isOver.load(ordering: .relaxed) {
      device.suppress()
      while device.hasAvailable { _ = device.use() }
      wires.pause(&numbers, isDevice: true)
      // §2.7.10, §2.8.14: notifications on, then one more look.
      device.arm()
      if device.hasAvailable { continue }
      _ = wait {
        wires.doorbell.exchange(false, ordering: .sequentiallyConsistent)
          || wires.isOver.load(ordering: .relaxed)
      }
    }
  }

  // MARK: The driver

  /// Plays all rounds: a packet is posted, `round` does the rest of it and says
  /// whether it came back.
  private func play(
    _ features: Features,
    against part: @escaping @Sendable (ConcurrentDevice, Wires) -> Void,
    _ round: (inout Virtqueue, inout SlowStores, Wires) -> Bool
  ) {
    let pool = PacketPool(capacity: 1)
    var queue = Virtqueue(size: 16, format: QueueFormat(features))
    let wires = Wires()
    let side = ConcurrentDevice(
      queue.addresses(base: UInt64(queue.address)),
      features
    )
    let device = Thread { part(side, wires) }
    device.start()
    var slowStores = SlowStores(seed: 3)
    var done = 0
    while done < Self.rounds, var packet = pool.allocate() {
      packet.append(64)
      queue.suppressInterrupts()
      queue.post(
        packet,
        Virtqueue.Direction(deviceWrites: true),
        reachedBy: SameAddresses()
      )
      guard round(&queue, &slowStores, wires), queue.takeUsed() != nil else {
        break
      }
      done += 1
    }
    wires.isOver.store(true, ordering: .relaxed)
    let isFinished = Self.wait { device.isFinished }
    #expect(isFinished)
    #expect(done == Self.rounds, "both sides wait")
    let isBroken = queue.isBroken
    #expect(!isBroken)
    // Its packets go back before the pool ends.
    _ = consume queue
    withExtendedLifetime(pool) {}
  }

  /// Either the driver sees what was used, or the device that it is to
  /// interrupt.
  @Test(arguments: ConcurrentDeviceTests.kinds)
  func interruptRequested_isSeenOrNotNeeded(_ features: Features) {
    var numbers = SeededNumbers(state: 4)
    play(features, against: Self.use) { queue, slowStores, wires in
      let finished = wires.finished.load(ordering: .relaxed)
      _ = queue.publish()
      wires.pause(&numbers, isDevice: false)
      slowStores.write()
      let isUsed = queue.requestInterrupts()
      wires.move(later: isUsed)
      // What interrupts although it was seen is of this round.
      defer { wires.interrupt.store(false, ordering: .sequentiallyConsistent) }
      return Self.wait {
        isUsed || wires.interrupt.load(ordering: .sequentiallyConsistent)
      }
        && Self.wait {
          wires.finished.load(ordering: .sequentiallyConsistent) > finished
        }
    }
  }

  /// Either the device sees what was published, or the driver that it is to
  /// notify.
  @Test(arguments: ConcurrentDeviceTests.kinds)
  func packetPublished_isSeenOrNotified(_ features: Features) {
    var numbers = SeededNumbers(state: 4)
    play(features, against: Self.sleep) { queue, slowStores, wires in
      wires.pause(&numbers, isDevice: false)
      slowStores.write()
      let isWanted = queue.publish()
      wires.move(later: isWanted)
      if isWanted {
        wires.doorbell.store(true, ordering: .sequentiallyConsistent)
      }
      return Self.wait { queue.hasUsed }
    }
  }
}
