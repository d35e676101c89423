/// What the device is told by the control queue when it starts. VIRTIO 1.2
/// §5.1.6.5.
extension NetworkDevice {
  /// Tells the device what it is to do beside its defaults. What it refuses or
  /// does not answer is counted (``controlCounters``), and goes without: more
  /// comes than was wanted, or fewer pairs are used.
  ///
  /// - Parameter kept: What was set before a restart.
  mutating func tellWishes(_ kept: ControlWishes) {
    wishes = kept
    tellFilter()
    guard control != nil else { return }
    usePairs()
    if let offloads = kept.guestOffloads, features.contains(.ctrlGuestOffloads)
    {
      try? tell(offloads: offloads.intersection(features))
    }
    guard features.contains(.notfCoal) else { return }
    if let receive = kept.receiveCoalescing {
      try? tell(.coalesceReceive, receive)
    }
    if let transmit = kept.transmitCoalescing {
      try? tell(.coalesceTransmit, transmit)
    }
  }

  /// The address first: the filter goes by it.
  private mutating func tellFilter() {
    let own = wishes.macAddressBits ?? macAddressBits
    macAddressBits = own
    if own != toldAddress {
      do throws(ControlError) {
        try claim(own)
      } catch {
        addressInTable = own
      }
    }
    if features.contains(.ctrlRX) {
      try? tell(wishes.filter, isAfterReset: true)
    }
    guard features.contains(.ctrlVLAN), let vlan = settings.vlan else { return }
    try? addVLAN(vlan)
  }

  private func addVLAN(_ vlan: VLANTag) throws(ControlError) {
    var command = try begin(.addVLAN)
    command.append(vlan.identifier)
    try perform(command)
  }

  /// Lets the device use all pairs, and says how frames are spread over them.
  /// Until it has agreed, only the first one is used. §5.1.6.5.6.1.
  private mutating func usePairs() {
    guard let scaling else { return useAllPairs() }
    if features.contains(.rss), pairs.count > 1 {
      do throws(ControlError) {
        var command = try begin(.setScaling)
        scaling.appendScaling(to: &command)
        try perform(command)
        pairsInUse = pairs.count
        return
      } catch {
        // By its own choice, then, if it can.
      }
    }
    useAllPairs()
    guard features.contains(.hashReport) else { return }
    do throws(ControlError) {
      var command = try begin(.setHash)
      scaling.appendHash(to: &command)
      try perform(command)
    } catch {
      // Then it reports none: counted already.
    }
  }

  private mutating func useAllPairs() {
    guard features.contains(.mq), pairs.count > 1 else { return }
    do throws(ControlError) {
      var command = try begin(.setPairs)
      command.append(UInt16(pairs.count))
      try perform(command)
      pairsInUse = pairs.count
    } catch {
      // One pair, then: counted already.
    }
  }
}
