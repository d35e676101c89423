import Virtio

/// How a device interrupts, and what has come of it since it was last asked.
struct DeviceInterrupt {
  /// What came.
  enum Arrival {
    /// Nothing of this device.
    case nothing
    /// Messages, which say why and need no answer.
    case messages(InterruptReasons)
    /// The line: the device says whether and why, and then ``finish()`` is
    /// called.
    case line
  }

  /// The line; `nil` when it is by messages.
  private let route: InterruptLines.Route?
  /// The line's vector, or the configuration's.
  private var first: InterruptWatch
  /// How many vectors there are: those behind the first are the queues'.
  private let count: UInt8

  /// By `count` messages, of which the first is for the configuration.
  init(messagesFrom first: UInt8, count: UInt8) {
    route = nil
    self.first = InterruptWatch(first)
    self.count = count
  }

  /// By a line; `nil` when there is no vector left for it. What the line says
  /// until ``begin()`` is not lost.
  init?(_ route: InterruptLines.Route) {
    guard let vector = InterruptLines.connect(route) else { return nil }
    self.route = route
    first = InterruptWatch(vector)
    count = 1
  }

  /// Lets interrupts through: the device has been started.
  func begin() {
    if let route { InterruptLines.begin(route) }
  }

  /// What came since this was last asked.
  mutating func take() -> Arrival {
    if route != nil { return first.hasCome() ? .line : .nothing }
    var reasons: InterruptReasons = []
    if first.hasCome() { reasons.insert(.configuration) }
    for index in 1..<count
    where Interrupts.take(message: first.vector + index) {
      reasons.insert(.queue)
    }
    return reasons.isEmpty ? .nothing : .messages(reasons)
  }

  /// Lets the line interrupt again: the device has let go of it.
  func finish() {
    if let route { InterruptLines.endInterrupt(route) }
  }

  /// The device has been reset or was not started, and does not interrupt any
  /// more: its vectors are free again, and its line if nobody else is on it.
  func end() {
    guard let route else {
      return Interrupts.giveBackMessages(first.vector, Int(count))
    }
    // What came since the last look is nobody's to answer.
    var line = first
    if line.hasCome() { finish() }
    InterruptLines.disconnect(route)
  }

  /// What the console and the status page call it.
  var name: String {
    switch route {
    case nil: count == 2 ? "MSI-X, one vector for all queues" : "MSI-X"
    case .legacy(let line): "INTx, line \(line)"
    case .pin(_, let pin, let interrupt, _):
      "IOAPIC, interrupt \(interrupt), pin \(pin)"
    }
  }
}
