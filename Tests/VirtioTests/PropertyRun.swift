import PCIModel
import Packets

@testable import Virtio

/// One case being played: the driver, the device, and what each was given.
struct PropertyRun: ~Copyable {
  /// What did not hold.
  struct Fault: Error, CustomStringConvertible {
    var description: String
  }

  /// A frame on its way to the driver.
  struct Expected {
    var bytes: [UInt8]
    var isVerified: Bool
    var segmentSize: Int
  }

  /// The bytes of a frame to send that fit in one more slot.
  static let fragmentSize = 1800

  var numbers: SeededNumbers
  let rig: Rig
  let steps: Int
  var device: Rig.Device
  /// Frames that the driver has been handed and has not passed on.
  var expected: [Expected] = []
  /// Frames that the driver was given to send, as the device must see them.
  var given: [[UInt8]] = []
  /// What they must be on the wire, joined; by frame.
  var wire: [[[UInt8]]] = []
  /// What was received and is still held.
  var held = PacketQueue()
  var heldSlots = 0
  var number = 0
  var refused: UInt64 = 0
  var areInterruptsOn = false
  /// What the driver has told the device by the control queue.
  var wanted = ControlState()
  /// Whether the device has left a command without an answer.
  var isControlLost = false
  let isLoud: Bool

  init(_ test: PropertyCase, isLoud: Bool) throws {
    self.isLoud = isLoud
    numbers = test.numbers
    steps = test.steps
    rig = Rig(
      test.way,
      test.build,
      packets: 200,
      receiveMemory: test.receiveMemory
    )
    rig.without = test.without
    rig.controlReads = Self.controlReads
    rig.model.completion = test.completion
    rig.model.sendsAtOnce = test.sendsAtOnce
    device = try rig.start()
    wanted = rig.model.control
    // Its own address may be there too.
    wanted.table = []
    rig.model.looksOnlyWhenNotified = test.looksOnlyWhenNotified
    if device.features.contains(.eventIdx) {
      for queue in 0..<2 {
        rig.model.notify(after: test.notifyAfter, queue: queue)
      }
    }
  }

  func check(
    _ isSo: Bool,
    _ what: @autoclosure () -> String
  ) throws {
    if !isSo { throw Fault(description: what()) }
  }

  func say(_ step: @autoclosure () -> String) {
    if isLoud { print(step()) }
  }

  mutating func random(_ range: ClosedRange<Int>) -> Int {
    Int.random(in: range, using: &numbers)
  }

  mutating func chance(_ percent: Int) -> Bool {
    random(0...99) < percent
  }

  // MARK: Playing

  /// Plays all of it.
  consuming func play() throws {
    let rig = rig
    do {
      for _ in 0..<steps {
        try step()
        try audit()
      }
      try settle()
      try end()
    } catch {
      // What is with a device that was not stopped never comes back.
      rig.keepPool()
      throw error
    }
  }

  mutating func step() throws {
    switch random(0...99) {
    case 0..<22: try deliver()
    case 22..<32: try deliverLarge()
    case 32..<48: try receive(atMost: random(1...6))
    case 48..<66: try transmit()
    case 66..<74: try transmitLarge()
    case 74..<80:
      say("send")
      rig.model.send(atMost: random(1...5))
    case 80..<83:
      say("complete")
      rig.model.complete()
    case 83..<87: try turn()
    case 87..<90: try command()
    case 90..<93: toggleInterrupts()
    case 93: toggleStall()
    case 94: try flapLink()
    case 95: toggleSuppression()
    case 96: dropHeld()
    case 97 where chance(50): try restart()
    case 98: try announce()
    default: try turn()
    }
  }
}
