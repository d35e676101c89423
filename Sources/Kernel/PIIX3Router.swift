import PCI

/// The way of PCI's four interrupt lines to the 8259s on a machine with a PIIX3:
/// what firmware has set, for functions that come after it has gone. Intel 82371SB
/// data sheet §2.5.10 (PIRQRC); QEMU wires pin and slot as the 440FX does.
struct PIIX3Router {
  private let space: ConfigurationSpace<Machine>

  /// PIRQRC[A:D]: a byte each; with the top bit set it leads nowhere.
  private static var routes: Int { 0x60 }
  private static var isDisabled: UInt8 { 0x80 }
  private static var lineOffset: Int { 0x3C }

  /// The router, if `functions` have one.
  init?(_ functions: [PCIFunction]) {
    guard
      let bridge = functions.first(where: {
        $0.vendor == 0x8086 && $0.device == 0x7000
      })
    else { return nil }
    space = ConfigurationSpace(host: Machine(), address: bridge.address)
  }

  /// Tells `function`, which is on bus 0, its line, as firmware does, if it has
  /// one.
  func assignLine(_ function: PCIFunction) {
    let pin = Int(function.interruptPin)
    guard 1...4 ~= pin, function.address.bus == 0 else { return }
    // The pins of each slot begin at the next line.
    let link = (pin - 1 + Int(function.address.device) - 1) & 3
    let route = space.read8(Self.routes + link)
    guard route & Self.isDisabled == 0 else { return }
    let own = ConfigurationSpace(host: Machine(), address: function.address)
    let rest = own.read32(Self.lineOffset) & ~0xFF
    own.write32(Self.lineOffset, rest | UInt32(route))
  }
}
