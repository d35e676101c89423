/// What a function says of itself. PCI 3.0 §6.2.1.
public struct PCIFunction: Hashable, Sendable {
  /// Where it sits.
  public let address: FunctionAddress
  /// Who made it.
  public let vendor: UInt16
  /// What they call it.
  public let device: UInt16
  /// What kind of device: base class in bits 23 to 16, subclass in 15 to 8,
  /// interface in 7 to 0. PCI Code and ID Assignment 1.0 §1.
  public let classCode: UInt32
  /// Which revision.
  public let revision: UInt8
  /// Who made the board.
  public let subsystemVendor: UInt16
  /// What they call it.
  public let subsystem: UInt16
  /// The layout of the rest: 0 a device, 1 a bridge.
  public let headerType: UInt8
  /// The interrupt line the firmware routed it to; 255 when none.
  public let interruptLine: UInt8
  /// The interrupt pin it uses: 1 to 4, 0 when none.
  public let interruptPin: UInt8
  /// The bus behind it, when it is a bridge that has one.
  public let secondaryBus: UInt8?
  /// The last of the buses behind it, when it is a bridge that has one.
  public let subordinateBus: UInt8?

  /// Whether it is a bridge to another bus.
  public var isBridge: Bool { headerType == 1 }

  /// Reads what the function says, or `nil` when there is none: a vendor of all
  /// ones. §6.1.
  init?<Host: PCIHost>(_ space: ConfigurationSpace<Host>) {
    let identifiers = space.read32(Register.identifiers)
    vendor = UInt16(truncatingIfNeeded: identifiers)
    guard vendor != 0xFFFF else { return nil }
    device = UInt16(truncatingIfNeeded: identifiers >> 16)
    address = space.address
    let classAndRevision = space.read32(Register.classAndRevision)
    classCode = classAndRevision >> 8
    revision = UInt8(truncatingIfNeeded: classAndRevision)
    headerType = space.read8(Register.headerType) & 0x7F
    let interrupt = space.read32(Register.interrupt)
    interruptLine = UInt8(truncatingIfNeeded: interrupt)
    interruptPin = UInt8(truncatingIfNeeded: interrupt >> 8)
    let subsystems =
      headerType == 0 ? space.read32(Register.subsystem) : 0
    subsystemVendor = UInt16(truncatingIfNeeded: subsystems)
    subsystem = UInt16(truncatingIfNeeded: subsystems >> 16)
    if headerType == 1 {
      let numbers = space.read32(Register.Bridge.busNumbers)
      let bus = UInt8(truncatingIfNeeded: numbers >> 8)
      secondaryBus = bus == 0 ? nil : bus
      let last = UInt8(truncatingIfNeeded: numbers >> 16)
      subordinateBus = bus == 0 ? nil : max(bus, last)
    } else {
      secondaryBus = nil
      subordinateBus = nil
    }
  }
}
