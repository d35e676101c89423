import Packets

/// What the control queue sets. VIRTIO 1.2 §5.1.6.5.
///
/// Each call waits for the device's answer, but not for ever
/// (``VirtioLimits/controlReads``). What was set is set again by a
/// ``restart()``. A call that throws may have set a part of what it was to set;
/// that is not kept.
extension NetworkDevice {
  // MARK: What is received

  /// What the device is told to receive.
  public var receiveFilter: ReceiveFilter { wishes.filter }

  /// Receives all frames, or not any more. §5.1.6.5.1.
  public mutating func setPromiscuous(_ isOn: Bool) throws(ControlError) {
    try setReceiveMode(.promiscuous, isOn)
  }

  /// Receives all frames to groups, or not any more. §5.1.6.5.1.
  public mutating func setAllMulticast(_ isOn: Bool) throws(ControlError) {
    try setReceiveMode(.allMulticast, isOn)
  }

  /// Switches `modes` on or off, and leaves the others.
  ///
  /// - Throws: `notOffered` where the device does not know one of them.
  public mutating func setReceiveMode(
    _ modes: ReceiveFilter.Modes,
    _ isOn: Bool
  ) throws(ControlError) {
    guard modes.isSubset(of: .basic) || features.contains(.ctrlRXExtra) else {
      throw ControlError.notOffered
    }
    var filter = wishes.filter
    if isOn {
      filter.modes.formUnion(modes)
    } else {
      filter.modes.subtract(modes)
    }
    try set(filter)
  }

  /// Receives frames to these addresses too, first octet most significant, and
  /// to no others that were set before. Too many of a kind
  /// (``VirtioLimits/filterAddresses``) and all frames of that kind come.
  ///
  /// - Throws: `invalid` for an address that is not of its kind.
  public mutating func setFilter(
    unicast: [UInt64],
    multicast: [UInt64]
  ) throws(ControlError) {
    var filter = wishes.filter
    for address in unicast {
      guard ReceiveFilter.isUnicast(address) else { throw ControlError.invalid }
    }
    for address in multicast {
      guard ReceiveFilter.isMulticast(address) else {
        throw ControlError.invalid
      }
    }
    filter.unicast = unicast
    filter.multicast = multicast
    try set(filter)
  }

  private mutating func set(_ filter: ReceiveFilter) throws(ControlError) {
    try require(.ctrlRX)
    try tell(filter)
    wishes.filter = filter
  }

  /// Tells the device what of `filter` it does not know yet. What lets more
  /// come goes first, so that nothing is missed meanwhile.
  mutating func tell(
    _ filter: ReceiveFilter,
    isAfterReset: Bool = false
  ) throws(ControlError) {
    let wanted = filter.told(own: addressInTable)
    if try tell(wanted, isAfterReset) { return }
    // §5.1.6.5.2: its table may be smaller than ours.
    let modes = filter.told(own: addressInTable, most: 0)
    guard modes != wanted else { throw ControlError.refused }
    guard try tell(modes, isAfterReset) else { throw ControlError.refused }
  }

  /// Tells the device `new`.
  ///
  /// - Returns: Whether it took the table.
  private mutating func tell(
    _ new: ReceiveFilter,
    _ isAfterReset: Bool
  ) throws(ControlError) -> Bool {
    var modes: ReceiveFilter.Modes = .basic
    var isTableNew = true
    if let told {
      modes = told.modes.symmetricDifference(new.modes)
      isTableNew =
        told.unicast != new.unicast || told.multicast != new.multicast
    } else if isAfterReset {
      // §5.1.6.5.2.1: the table is empty then. What the modes are the standard
      // does not say, and devices differ in the basic ones.
      modes.formUnion(new.modes)
      isTableNew = !(new.unicast.isEmpty && new.multicast.isEmpty)
    } else if features.contains(.ctrlRXExtra) {
      modes = .all
    }
    told = nil
    try tell(new.modes, modes.intersection(new.modes))
    if isTableNew {
      do throws(ControlError) {
        try tellTable(new)
      } catch {
        guard error == .refused else { throw error }
        return false
      }
    }
    try tell(new.modes, modes.subtracting(new.modes))
    told = new
    return true
  }

  private func tell(
    _ modes: ReceiveFilter.Modes,
    _ changed: ReceiveFilter.Modes
  ) throws(ControlError) {
    for command in ReceiveFilter.Modes.commands {
      let mode = ReceiveFilter.Modes(rawValue: 1 << command)
      guard changed.contains(mode) else { continue }
      var written = try begin(.receive(command))
      written.append((modes.contains(mode) ? 1 : 0) as UInt8)
      try perform(written)
    }
  }

  private func tellTable(_ filter: ReceiveFilter) throws(ControlError) {
    var command = try begin(.setTable)
    command.append(UInt32(filter.unicast.count))
    for address in filter.unicast { command.append(address: address) }
    command.beginSecondPart()
    command.append(UInt32(filter.multicast.count))
    for address in filter.multicast { command.append(address: address) }
    try perform(command)
  }

  // MARK: The interface's address

  /// Changes the interface's address, first octet most significant. §5.1.6.5.2.
  ///
  /// - Throws: `invalid` for the address of a group, `notOffered` where there
  ///   is no way.
  public mutating func setMACAddress(_ bits: UInt64) throws(ControlError) {
    guard ReceiveFilter.isUnicast(bits) else { throw ControlError.invalid }
    try claim(bits)
    macAddressBits = bits
    wishes.macAddressBits = bits
  }

  /// Lets the device receive what is sent to `bits`: by the command; on legacy
  /// by writing the field, byte by byte; or as one more address of its table.
  mutating func claim(_ bits: UInt64) throws(ControlError) {
    if features.isSuperset(of: [.ctrlMACAddr, .ctrlRX]) {
      var command = try begin(.setAddress)
      command.append(address: bits)
      try perform(command)
      addressInTable = nil
    } else if transport.isLegacy, features.contains(.mac) {
      // §5.1.4.3: writable there, from the first byte to the last.
      NetworkConfiguration(transport: transport).writeMACAddress(bits)
      addressInTable = nil
    } else {
      try require(.ctrlRX)
      let before = addressInTable
      addressInTable = bits
      do throws(ControlError) {
        try tell(wishes.filter)
      } catch {
        // The next table is to have the address that the interface has.
        addressInTable = before
        throw error
      }
    }
  }

  // MARK: Announcement

  /// Whether the device asks the interface to make itself known in its network,
  /// as after a migration: to be looked at when the configuration has changed.
  /// §5.1.6.5.4. Reads a register.
  public var mustAnnounce: Bool {
    features.isSuperset(of: [.guestAnnounce, .status])
      && NetworkConfiguration(transport: transport).mustAnnounce
  }

  /// Tells the device that the interface has made itself known, or is about to.
  public mutating func acknowledgeAnnouncement() throws(ControlError) {
    try require(.guestAnnounce)
    try perform(try begin(.acknowledgeAnnouncement))
  }

  // MARK: Offloads and interrupts

  /// Switches receive offloads on and off: exactly those of `offloads` are on
  /// afterwards. What is on its way already may still come as before.
  /// §5.1.6.5.8.
  ///
  /// - Throws: `invalid` for what was not agreed on, or lacks what it needs.
  public mutating func setGuestOffloads(
    _ offloads: Features
  ) throws(ControlError) {
    try require(.ctrlGuestOffloads)
    guard features.intersection(.guestOffloads).isSuperset(of: offloads),
      FeatureNegotiation.accept(offloads, understood: offloads) == offloads
    else { throw ControlError.invalid }
    try tell(offloads: offloads)
    wishes.guestOffloads = offloads
  }

  func tell(offloads: Features) throws(ControlError) {
    var command = try begin(.setOffloads)
    command.append(offloads.rawValue)
    try perform(command)
  }

  /// Puts off interrupts for what was received and for what was sent.
  /// §5.1.6.5.9.
  public mutating func setCoalescing(
    receive: Coalescing,
    transmit: Coalescing
  ) throws(ControlError) {
    try require(.notfCoal)
    try tell(.coalesceReceive, receive)
    try tell(.coalesceTransmit, transmit)
    wishes.receiveCoalescing = receive
    wishes.transmitCoalescing = transmit
  }

  func tell(
    _ name: ControlCommand.Name,
    _ coalescing: Coalescing
  ) throws(ControlError) {
    var command = try begin(name)
    command.append(coalescing.packets)
    command.append(coalescing.microseconds)
    try perform(command)
  }

  // MARK: Commands

  private func require(_ feature: Features) throws(ControlError) {
    guard features.contains(feature) else { throw ControlError.notOffered }
  }

  func begin(_ name: ControlCommand.Name) throws(ControlError) -> ControlCommand
  {
    guard let control else { throw ControlError.notOffered }
    return try control.begin(name)
  }

  func perform(_ command: consuming ControlCommand) throws(ControlError) {
    guard let control else { throw ControlError.notOffered }
    try control.perform(command, on: transport)
  }

  /// What happened on the control queue.
  public var controlCounters: ControlCounters {
    var sum = earlierControl
    if let control { sum.add(control.counters) }
    return sum
  }
}
