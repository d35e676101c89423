/// What something costs the guest.
public struct Cost: Sendable {
  /// Instructions of the guest's processor.
  public var instructions: Double
  /// Accesses to the network device.
  public var device: Double
  /// Accesses to the interrupt controllers.
  public var controller: Double
  /// Interrupts taken.
  public var interrupts: Double

  /// Everything that leaves the guest.
  public var exits: Double { device + controller + interrupts }

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

  /// What one costs more than the other.
  public static func - (left: Cost, right: Cost) -> Cost {
    left.combined(with: right, -)
  }

  /// That much of it.
  public static func * (left: Cost, right: Double) -> Cost {
    left.combined(with: left) { value, _ in value * right }
  }
}
