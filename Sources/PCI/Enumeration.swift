/// Finds every function: all devices of bus 0, and of each bus behind a bridge.
///
/// Firmware numbers the buses. A bridge that it left without a number gets the
/// next one, so that what is behind it is found too. Each bus is visited once,
/// whatever the bridges say, so that a loop of them ends.
public func enumerate<Host: PCIHost>(_ host: Host) -> [PCIFunction] {
  var enumeration = Enumeration(host: host)
  enumeration.visit(bus: 0)
  enumeration.numberBridges()
  return enumeration.functions
}

private struct Enumeration<Host: PCIHost> {
  let host: Host
  var functions: [PCIFunction] = []
  private var visited = InlineArray<256, Bool>(repeating: false)
  /// The highest bus number that any bridge leads to.
  private var highest: UInt8 = 0

  init(host: Host) { self.host = host }

  mutating func visit(bus: UInt8) {
    guard !visited[Int(bus)] else { return }
    visited[Int(bus)] = true
    highest = max(highest, bus)
    for device in UInt8(0)..<32 { visit(bus: bus, device: device) }
  }

  private mutating func visit(bus: UInt8, device: UInt8) {
    let first = space(bus, device, 0)
    guard first.read16(Register.identifiers) != 0xFFFF else { return }
    // PCI 3.0 §6.2.1: bit 7 says whether there are functions besides 0.
    let isMultifunction = first.read8(Register.headerType) & 0x80 != 0
    for number in UInt8(0)..<(isMultifunction ? 8 : 1) {
      guard let function = PCIFunction(space(bus, device, number)) else {
        continue
      }
      functions.append(function)
      if let secondary = function.secondaryBus { visit(bus: secondary) }
    }
  }

  /// Gives each bridge without a bus number the next, and visits that bus.
  mutating func numberBridges() {
    var index = 0
    while index < functions.count {
      let bridge = functions[index]
      if bridge.isBridge, bridge.secondaryBus == nil, highest < 255 {
        let bus = highest + 1
        let behind = ConfigurationSpace(host: host, address: bridge.address)
        // Primary, secondary, subordinate. PCI-to-PCI Bridge 1.2 §3.2.5.2-4.
        let timer = behind.read32(Register.Bridge.busNumbers) & 0xFF00_0000
        let primary = UInt32(bridge.address.bus)
        behind.write32(
          Register.Bridge.busNumbers,
          timer | UInt32(bus) << 16 | UInt32(bus) << 8 | primary
        )
        extendBridges(to: bridge.address.bus, with: bus)
        if let numbered = PCIFunction(behind) { functions[index] = numbered }
        visit(bus: bus)
      }
      index += 1
    }
  }

  /// Lets the bridges on the way to `parent` pass `bus` on.
  private func extendBridges(to parent: UInt8, with bus: UInt8) {
    for function in functions where function.isBridge {
      let space = ConfigurationSpace(host: host, address: function.address)
      let numbers = space.read32(Register.Bridge.busNumbers)
      let secondary = UInt8(truncatingIfNeeded: numbers >> 8)
      let subordinate = UInt8(truncatingIfNeeded: numbers >> 16)
      guard secondary != 0, secondary <= parent, parent <= subordinate,
        subordinate < bus
      else { continue }
      space.write32(
        Register.Bridge.busNumbers,
        numbers & 0xFF00_FFFF | UInt32(bus) << 16
      )
    }
  }

  private func space(
    _ bus: UInt8,
    _ device: UInt8,
    _ function: UInt8
  ) -> ConfigurationSpace<Host> {
    ConfigurationSpace(
      host: host,
      address: FunctionAddress(bus: bus, device: device, function: function)
    )
  }
}
