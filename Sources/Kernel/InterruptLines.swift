/// Which controllers there are for the lines of devices, and which of them
/// serves which line.
enum InterruptLines {
  /// What a line is connected to.
  enum Route: Equatable {
    /// A line of the 8259s.
    case legacy(UInt8)
    /// A pin of an IOAPIC, and the number that all of them together give it.
    case pin(IOAPIC, pin: UInt32, interrupt: UInt32, InterruptSignal)
  }

  /// The controllers found.
  ///
  /// SAFETY: set once at boot, on the only core; so are the others.
  nonisolated(unsafe) private static var controllers: [IOAPIC] = []
  nonisolated(unsafe) private static var overrides:
    [InterruptControllers.Override] = []
  nonisolated(unsafe) private static var hasLegacy = false
  /// The lines that are in use: devices may share one.
  nonisolated(unsafe) private static var connections: [Connection] = []

  private struct Connection {
    let route: Route
    let vector: UInt8
    /// The devices that are on it.
    var deviceCount = 1

    /// Whether it is the line of `route`, whatever the signal.
    func isOf(_ other: Route) -> Bool {
      switch (route, other) {
      case (.legacy(let line), .legacy(let other)): line == other
      case (.pin(_, _, let interrupt, _), .pin(_, _, let other, _)):
        interrupt == other
      default: false
      }
    }
  }

  /// Takes the controllers that ACPI tells of; when it tells of none, looks
  /// where one is by default.
  static func initialize(_ told: InterruptControllers?) {
    unsafe hasLegacy = LegacyInterruptController.isThere
    unsafe overrides = told?.overrides ?? []
    var places = told?.places ?? []
    if places.isEmpty {
      places = [
        InterruptControllers.Place(
          address: IOAPIC.defaultBase,
          firstInterrupt: 0
        )
      ]
    }
    for place in places {
      let range = place.address..<place.address + 4096
      guard Memory.mapDevice(range),
        let controller = IOAPIC(
          at: place.address,
          firstInterrupt: place.firstInterrupt
        )
      else {
        if told != nil {
          Console.print(
            "acpi: no IOAPIC at 0x\(String(place.address, radix: 16))"
          )
        }
        continue
      }
      unsafe controllers.append(controller)
    }
  }

  /// The way of interrupt `number`, as ACPI and command lines count them.
  static func route(_ number: UInt32, _ signal: InterruptSignal) -> Route? {
    for controller in unsafe controllers {
      if let pin = controller.pin(number) {
        return .pin(controller, pin: pin, interrupt: number, signal)
      }
    }
    return nil
  }

  /// The way of a PCI function's line, which is the firmware's routing to the
  /// 8259s; only where there are none is it taken for a line of the ISA bus
  /// that an IOAPIC serves.
  static func routeOfPCI(line: UInt8) -> Route? {
    guard LegacyInterruptController.hasLine(line) else { return nil }
    if unsafe hasLegacy { return .legacy(line) }
    let override = unsafe overrides.first { $0.line == line }
    // PCI 3.0 §2.2.6: lines of the bus are level-triggered; how they arrive at
    // the IOAPIC the override says.
    return route(
      override?.interrupt ?? UInt32(line),
      override?.signal ?? .virtio
    )
  }

  /// Connects a device's `route` to a vector. Lines of the 8259s stay masked
  /// until ``begin(_:)``; a pin must not, since one that is masked forgets what
  /// comes.
  ///
  /// - Returns: The vector; `nil` when there is none left.
  static func connect(_ route: Route) -> UInt8? {
    if let index = unsafe connections.firstIndex(where: { $0.isOf(route) }) {
      unsafe connections[index].deviceCount += 1
      return unsafe connections[index].vector
    }
    let vector: UInt8
    switch route {
    case .legacy(let line): vector = Vector.legacy + line
    case .pin(let controller, let pin, _, let signal):
      guard let free = Interrupts.takePin() else { return nil }
      vector = free
      controller.route(pin, signal, vector: vector)
    }
    Interrupts.setWatched(vector, true)
    unsafe connections.append(Connection(route: route, vector: vector))
    return vector
  }

  /// Lets interrupts of `route` through.
  static func begin(_ route: Route) {
    if case .legacy(let line) = route { LegacyInterruptController.unmask(line) }
  }

  /// Says that the interrupt of `route` has been handled: its device has let go
  /// of the line.
  static func endInterrupt(_ route: Route) {
    switch route {
    case .legacy(let line): LegacyInterruptController.endInterrupt(line)
    case .pin: LocalAPIC.endInterrupt()
    }
  }

  /// Takes a device off `route`, to which it was connected. When it was the
  /// last, the line is held back: one that somebody pulls for ever would keep
  /// back the others.
  static func disconnect(_ route: Route) {
    guard
      let index = unsafe connections.firstIndex(where: { $0.isOf(route) })
    else { return }
    unsafe connections[index].deviceCount -= 1
    guard unsafe connections[index].deviceCount == 0 else { return }
    let connection = unsafe connections.remove(at: index)
    switch connection.route {
    case .legacy(let line): LegacyInterruptController.mask(line)
    case .pin(let controller, let pin, _, _):
      controller.mask(pin)
      Interrupts.giveBackPin(connection.vector)
    }
    // One that is on its way still is ended by Boot.
    Interrupts.setWatched(connection.vector, false)
  }
}
