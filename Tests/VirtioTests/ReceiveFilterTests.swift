import Packets
import Testing

@testable import Virtio

/// Which frames a device lets through, and its address. VIRTIO 1.2 §5.1.6.5.1,
/// §5.1.6.5.2.
@Suite struct ReceiveFilterTests {
  typealias Build = NetworkDeviceModel.Build

  @Test(arguments: [false, true])
  func modes_letThroughWhatTheySay(_ isLegacy: Bool) throws {
    let rig = ControlRig(isLegacy: isLegacy)
    var device = try rig.start()
    let other = frame(to: address(1))
    let group = frame(to: address(1, isGroup: true))
    let all = frame(to: 0xFFFF_FFFF_FFFF)
    try device.setPromiscuous(true)
    #expect(rig.model.deliver(other))
    try device.setPromiscuous(false)
    #expect(!rig.model.deliver(other))
    #expect(!rig.model.deliver(group))
    try device.setAllMulticast(true)
    #expect(rig.model.deliver(group))
    try device.setReceiveMode(.noMulticast, true)
    #expect(!rig.model.deliver(group))
    try device.setReceiveMode([.noMulticast, .noBroadcast], false)
    #expect(rig.model.deliver(all))
    try device.setReceiveMode(.noBroadcast, true)
    #expect(!rig.model.deliver(all))
    try device.setReceiveMode(.allUnicast, true)
    #expect(rig.model.deliver(other))
    try device.setReceiveMode(.noUnicast, true)
    #expect(!rig.model.deliver(other))
    try device.restart()
    #expect(
      rig.model.control.modes
        == [.allMulticast, .allUnicast, .noUnicast, .noBroadcast]
    )
    try device.stop()
    #expect(rig.model.violations == [])
  }

  @Test func whatIsSetAlready_isNotToldAgain() throws {
    let rig = ControlRig()
    var device = try rig.start()
    try device.setPromiscuous(true)
    _ = rig.takeCommands()
    try device.setPromiscuous(true)
    try device.setFilter(unicast: [], multicast: [])
    #expect(rig.takeCommands() == [])
    try device.stop()
  }

  @Test func extraModesNotOffered_isSaid() throws {
    let offered = ControlRig.controls & ~FeatureBit.ctrlRXExtra.mask
    let rig = ControlRig(Build(offered: offered))
    var device = try rig.start()
    expect(.notOffered) { () throws(ControlError) in
      try device.setReceiveMode(.noBroadcast, true)
    }
    try device.setReceiveMode([.promiscuous, .allMulticast], true)
    try device.stop()
    #expect(rig.model.violations == [])
  }

  @Test(arguments: [false, true])
  func table_letsThroughItsAddresses(_ isLegacy: Bool) throws {
    let rig = ControlRig(isLegacy: isLegacy)
    var device = try rig.start()
    let group = address(1, isGroup: true)
    try device.setFilter(unicast: [address(1)], multicast: [group])
    #expect(rig.model.deliver(frame(to: address(1))))
    #expect(rig.model.deliver(frame(to: group)))
    #expect(!rig.model.deliver(frame(to: address(2))))
    #expect(!rig.model.deliver(frame(to: address(2, isGroup: true))))
    try device.setFilter(unicast: [address(2)], multicast: [])
    #expect(!rig.model.deliver(frame(to: address(1))))
    #expect(rig.model.deliver(frame(to: address(2))))
    try device.restart()
    #expect(rig.model.control.table == [octets(address(2))])
    try device.stop()
    #expect(rig.model.violations == [])
  }

  @Test func addressOfTheOtherKind_isNotTold() throws {
    let rig = ControlRig()
    var device = try rig.start()
    _ = rig.takeCommands()
    let bad: [([UInt64], [UInt64])] = [
      ([address(1, isGroup: true)], []), ([], [address(1)]), ([0], []),
      ([1 << 50], []), ([], [1 << 50 | address(1, isGroup: true)]),
    ]
    for (unicast, multicast) in bad {
      expect(.invalid) { () throws(ControlError) in
        try device.setFilter(unicast: unicast, multicast: multicast)
      }
    }
    #expect(rig.takeCommands() == [])
    try device.stop()
  }

  /// As many as fit are told; one more, and all of the kind come. Fewer again,
  /// and the mode ends.
  @Test(arguments: [false, true], [false, true])
  func tableTooLong_receivesAllOfTheKind(
    _ isLegacy: Bool,
    _ isIndirect: Bool
  ) throws {
    var offered = ControlRig.controls
    if isLegacy { offered &= ~FeatureBit.anyLayout.mask }
    if isIndirect { offered |= FeatureBit.indirectDesc.mask }
    let rig = ControlRig(Build(offered: offered), isLegacy: isLegacy)
    var device = try rig.start()
    let most = VirtioLimits.filterAddresses
    let many = (1...most + 1).map { address($0) }
    let groups = (1...most + 1).map { address($0, isGroup: true) }
    try device.setFilter(unicast: Array(many.dropLast()), multicast: [])
    #expect(rig.model.control.table.count == most)
    #expect(rig.model.control.modes == [])
    try device.setFilter(unicast: many, multicast: [groups[0]])
    #expect(rig.model.control.modes == [.promiscuous])
    #expect(rig.model.control.table == [octets(groups[0])])
    try device.setFilter(unicast: [many[0]], multicast: groups)
    #expect(rig.model.control.modes == [.allMulticast])
    #expect(rig.model.control.table == [octets(many[0])])
    try device.setFilter(
      unicast: [many[0]],
      multicast: Array(groups.prefix(most - 1))
    )
    #expect(rig.model.control.modes == [])
    #expect(rig.model.control.table.count == most)
    try device.stop()
    #expect(rig.model.violations == [])
  }

  // MARK: The interface's address

  @Test func address_isChangedByCommandAndKept() throws {
    let rig = ControlRig()
    var device = try rig.start()
    try device.setMACAddress(address(7))
    for _ in 0..<2 {
      let own = device.macAddressBits
      #expect(own == address(7))
      #expect(rig.model.control.macAddress == octets(address(7)))
      #expect(rig.model.deliver(frame(to: address(7))))
      #expect(!rig.model.deliver(frame(to: 0x5254_0012_3456)))
      try device.restart()
    }
    try device.stop()
    #expect(rig.model.violations == [])
  }

  @Test func addressOfAGroup_isNotTold() throws {
    let rig = ControlRig()
    var device = try rig.start()
    expect(.invalid) { () throws(ControlError) in
      try device.setMACAddress(address(7, isGroup: true))
    }
    let own = device.macAddressBits
    #expect(own == 0x5254_0012_3456)
    try device.stop()
  }

  @Test func addressRefused_isNotTaken() throws {
    let rig = ControlRig()
    var device = try rig.start()
    rig.model.controlAnswer = .refuses
    expect(.refused) { () throws(ControlError) in
      try device.setMACAddress(address(7))
    }
    let own = device.macAddressBits
    #expect(own == 0x5254_0012_3456)
    try device.stop()
  }

  /// §5.1.4.3: the field is writable there; the model notes every write, and
  /// here that is as it must be.
  @Test func addressOnLegacyWithoutTheCommand_isWrittenInOrder() throws {
    let offered = FeatureBit.bits(.mac, .status, .anyLayout)
    let rig = ControlRig(Build(offered: offered), isLegacy: true)
    var device = try rig.start()
    var written: [UInt32] = []
    rig.model.tamper = { write in
      guard write.baseAddress == 0, 20..<26 ~= write.offset else {
        return [write]
      }
      #expect(write.width == 1)
      written += [UInt32(write.offset), write.value]
      return []
    }
    try device.setMACAddress(0x0601_0203_0405)
    #expect(written == [20, 6, 21, 1, 22, 2, 23, 3, 24, 4, 25, 5])
    try device.restart()
    #expect(written.count == 24)
    let own = device.macAddressBits
    #expect(own == 0x0601_0203_0405)
    try device.stop()
    #expect(rig.model.violations == [])
  }

  /// A device that gives no address, or takes none, has ours in its table.
  @Test func noCommandForTheAddress_itIsInTheTable() throws {
    let offered =
      ControlRig.controls & ~FeatureBit.bits(.mac, .ctrlMACAddr)
    let rig = ControlRig(Build(offered: offered))
    var device = try rig.start()
    let own = device.macAddressBits
    #expect(rig.model.control.table == [octets(own)])
    #expect(rig.model.control.modes == [])
    try device.setMACAddress(address(7))
    #expect(rig.model.control.table == [octets(address(7))])
    try device.setFilter(unicast: [address(8)], multicast: [])
    #expect(
      rig.model.control.table == [octets(address(7)), octets(address(8))]
    )
    try device.stop()
    #expect(rig.model.violations == [])
  }

  @Test func noAddressGiven_oursIsTold() throws {
    let rig = ControlRig(
      Build(offered: ControlRig.controls & ~FeatureBit.mac.mask)
    )
    let device = try rig.start()
    let own = device.macAddressBits
    #expect(rig.model.control.macAddress == octets(own))
    try device.stop()
    #expect(rig.model.violations == [])
  }

  /// A device whose table is smaller than ours receives all of a kind instead.
  @Test func tableRefused_allOfAKindAreReceived() throws {
    let rig = ControlRig()
    rig.model.largestTable = 2
    var device = try rig.start()
    try device.setFilter(
      unicast: [address(1), address(2)],
      multicast: [address(3, isGroup: true)]
    )
    #expect(
      rig.model.control.modes.isSuperset(of: [.promiscuous, .allMulticast])
    )
    #expect(rig.model.deliver(frame(to: address(1))))
    #expect(rig.model.deliver(frame(to: address(3, isGroup: true))))
    try device.setFilter(unicast: [address(1)], multicast: [])
    #expect(rig.model.control.table == [octets(address(1))])
    #expect(rig.model.control.modes == [])
    try device.stop()
    #expect(rig.model.violations == [])
  }

  /// An address that the device refuses is not put into its table later, in
  /// place of the interface's own.
  @Test func addressRefused_theOwnOneStaysInTheTable() throws {
    let offered = ControlRig.controls & ~FeatureBit.ctrlMACAddr.mask
    var build = NetworkDeviceModel.Build(offered: offered)
    // Of a group: the driver has chosen its own, which is in the table.
    build.macAddress = [1, 0, 0x5E, 0, 0, 1]
    let rig = ControlRig(build)
    var device = try rig.start()
    let own = device.macAddressBits
    rig.model.controlAnswer = .refuses
    expect(.refused) { () throws(ControlError) in
      try device.setMACAddress(address(9))
    }
    rig.model.controlAnswer = .honest
    #expect(device.macAddressBits == own)
    try device.setPromiscuous(true)
    try device.setPromiscuous(false)
    #expect(rig.model.control.table == [octets(own)])
    #expect(rig.model.deliver(frame(to: own)))
    try device.stop()
    #expect(rig.hasAllPackets)
    #expect(rig.model.violations == [])
  }
}
