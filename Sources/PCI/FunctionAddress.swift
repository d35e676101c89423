/// Where a function sits: the three numbers that name its configuration space.
/// PCI Local Bus 3.0 §3.2.2.3.2.
public struct FunctionAddress: Hashable, Sendable {
  /// The bus, 0 to 255.
  public let bus: UInt8
  /// The device on the bus, 0 to 31.
  public let device: UInt8
  /// The function of the device, 0 to 7.
  public let function: UInt8

  /// Function `function` of device `device` on bus `bus`.
  ///
  /// - Precondition: `device` is less than 32, `function` less than 8.
  public init(bus: UInt8, device: UInt8, function: UInt8) {
    precondition(device < 32 && function < 8)
    self.bus = bus
    self.device = device
    self.function = function
  }
}
