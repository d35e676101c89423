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
  /// The vectors of pins that are in use already: devices may share one.
  nonisolated(unsafe) private static var vectors:
    [(interrupt: UInt32, vector: UInt8)] = []

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

  /// Connects `route` to a vector. Lines of the 8259s stay masked; a pin must
  /// not, since one that is masked forgets what comes.
  ///
  /// - Returns: The vector; `nil` when there is none left.
  static func connect(_ route: Route) -> UInt8? {
    switch route {
    case .legacy(let line): return Vector.legacy + line
    case .pin(let controller, let pin, let interrupt, let signal):
      if let shared = unsafe vectors.first(where: {
        $0.interrupt == interrupt
      }) {
        return shared.vector
      }
      guard let vector = Interrupts.takePin() else { return nil }
      unsafe vectors.append((interrupt, vector))
      controller.route(pin, signal, vector: vector)
      return vector
    }
  }
}
