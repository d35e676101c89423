/// Finds every function: all devices of bus 0, and of each bus behind a bridge.
///
/// Firmware numbers the buses. A bridge that it left without a number gets the
/// next one, so that what is behind it is found too. Each bus is visited once,
/// whatever the bridges say, so that a loop of them ends; and there are never
/// more than ``PCILimits/functions``.
public func enumerate<Host: PCIHost>(_ host: Host) -> [PCIFunction] {
  var enumeration = Enumeration(host: host)
  enumeration.visit(bus: 0)
  enumeration.numberBridges()
  return enumeration.functions
}

/// The functions of one device, as when it came while the machine ran.
public func enumerate<Host: PCIHost>(
  _ host: Host,
  bus: UInt8,
  device: UInt8
) -> [PCIFunction] {
  var enumeration = Enumeration(host: host)
  enumeration.visit(bus: bus, device: device)
  return enumeration.functions
}

private struct Enumeration<Host: PCIHost> {
  let host: Host
  var functions: [PCIFunction] = []
  private var visited = InlineArray<256, Bool>(repeating: false)
  /// The highest bus number that any bridge claims.
  private var highest: UInt8 = 0

  init(host: Host) { self.host = host }

  /// Visits `bus` and those behind it. Without recursion, since the depth is
  /// what bridges say.
  mutating func visit(bus: UInt8) {
    var waiting = [bus]
    while let bus = waiting.popLast() {
      guard !visited[Int(bus)] else { continue }
      visited[Int(bus)] = true
      highest = max(highest, bus)
      let first = functions.count
      for device in UInt8(0)..<32 { visit(bus: bus, device: device) }
      for function in functions[first...].reversed() {
        if let secondary = function.secondaryBus { waiting.append(secondary) }
      }
    }
  }

  /// Visits the functions of one device.
  mutating func visit(bus: UInt8, device: UInt8) {
    let first = space(bus, device, 0)
    guard first.read16(Register.identifiers) != 0xFFFF else { return }
    // PCI 3.0 §6.2.1: bit 7 says whether there are functions besides 0.
    let isMultifunction = first.read8(Register.headerType) & 0x80 != 0
    for number in UInt8(0)..<(isMultifunction ? 8 : 1) {
      guard functions.count < PCILimits.functions else { return }
      guard let function = PCIFunction(space(bus, device, number)) else {
        continue
      }
      functions.append(function)
      if let subordinate = function.subordinateBus {
        highest = max(highest, subordinate)
      }
    }
  }

  /// Gives each bridge without a bus number the next, and visits that bus.
  ///
  /// Those behind a bridge come before those beside it, so that the buses
  /// behind each stay one range.
  mutating func numberBridges() {
    var waiting = Array(functions.indices.reversed())
    while let index = waiting.popLast() {
      let first = functions.count
      number(index)
      waiting += (first..<functions.count).reversed()
    }
  }

  private mutating func number(_ index: Int) {
    let bridge = functions[index]
    guard bridge.isBridge, bridge.secondaryBus == nil, highest < 255 else {
      return
    }
    let bus = highest + 1
    guard extendBridges(to: bridge.address.bus, with: bus) else { return }
    let behind = ConfigurationSpace(host: host, address: bridge.address)
    setBuses(
      of: behind,
      primary: bridge.address.bus,
      secondary: bus,
      subordinate: bus
    )
    // A bridge whose numbers cannot be written leads nowhere.
    guard let numbered = PCIFunction(behind), numbered.secondaryBus == bus
    else { return }
    functions[index] = numbered
    visit(bus: bus)
  }

  /// Lets the bridges on the way to `parent` pass `bus` on, which is above all
  /// that there are.
  ///
  /// - Returns: Whether that is possible: not when a bridge beside one of them
  ///   has buses in between.
  private mutating func extendBridges(
    to parent: UInt8,
    with bus: UInt8
  ) -> Bool {
    var path: [Int] = []
    for index in functions.indices {
      guard let secondary = functions[index].secondaryBus,
        let subordinate = functions[index].subordinateBus
      else { continue }
      if secondary <= parent, parent <= subordinate {
        path.append(index)
      }
    }
    for index in path {
      guard let secondary = functions[index].secondaryBus else { continue }
      let parentBus = functions[index].address.bus
      let isBlocked = functions.contains {
        guard $0.address.bus == parentBus, let other = $0.secondaryBus else {
          return false
        }
        return other > secondary
      }
      if isBlocked { return false }
    }
    for index in path {
      let function = functions[index]
      guard let secondary = function.secondaryBus else { continue }
      let space = ConfigurationSpace(host: host, address: function.address)
      setBuses(
        of: space,
        primary: function.address.bus,
        secondary: secondary,
        subordinate: bus
      )
      if let extended = PCIFunction(space) { functions[index] = extended }
    }
    return true
  }

  /// PCI-to-PCI Bridge 1.2 §3.2.5.2 to §3.2.5.4; the fourth byte is a timer.
  private func setBuses(
    of space: ConfigurationSpace<Host>,
    primary: UInt8,
    secondary: UInt8,
    subordinate: UInt8
  ) {
    let timer = space.read32(Register.Bridge.busNumbers) & 0xFF00_0000
    space.write32(
      Register.Bridge.busNumbers,
      timer | UInt32(subordinate) << 16 | UInt32(secondary) << 8
        | UInt32(primary)
    )
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
