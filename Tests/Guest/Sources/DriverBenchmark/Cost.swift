/// What something costs the guest.
struct Cost {
  /// Instructions of the guest's processor.
  var instructions: Double
  /// Accesses to the network device.
  var device: Double
  /// Accesses to the interrupt controllers.
  var controller: Double
  /// Interrupts taken.
  var interrupts: Double

  /// Everything that leaves the guest.
  var exits: Double { device + controller + interrupts }

  private func combined(
    with other: Cost,
    _ operation: (Double, Double) -> Double
  ) -> Cost {
    Cost(
      instructions: operation(instructions, other.instructions),
      device: operation(device, other.device),
      controller: operation(controller, other.controller),
      interrupts: operation(interrupts, other.interrupts)
    )
  }

  static func - (left: Cost, right: Cost) -> Cost {
    left.combined(with: right, -)
  }

  static func * (left: Cost, right: Double) -> Cost {
    left.combined(with: left) { value, _ in value * right }
  }
}
