import PCIModel
import Packets

@testable import Virtio

/// What the driver tells the device by the control queue, and what of it the
/// device knows. VIRTIO 1.2 §5.1.6.5.
extension PropertyRun {
  /// To whom the frames of ``Traffic`` are.
  static var destination: [UInt8] { [2, 0, 0, 0, 0, 1] }
  /// How often the driver looks for an answer here.
  static var controlReads: Int { 40 }

  /// What becomes of a command.
  private enum Fate: Equatable {
    case done, refused
    /// Answered when the status has been read so often.
    case late(Int)
  }

  /// Tells the device something at random. It does it now, later, too late, or
  /// not at all.
  mutating func command() throws {
    let fate: Fate =
      chance(60) ? .done : chance(50) ? .refused : .late(random(0...60))
    say("command \(fate)")
    rig.model.controlAnswer =
      switch fate {
      case .done: .honest
      case .refused: .refuses
      case .late: .late
      }
    if case .late(let reads) = fate { answer(after: reads) }
    let counted = device.controlCounters
    let before = wanted
    var failure: ControlError?
    do throws(ControlError) {
      try tellSomething()
    } catch {
      failure = error
      wanted = before
    }
    rig.model.tamperRead = nil
    rig.model.controlAnswer = .honest
    try check(failure, fate, after: counted)
    // What a lost queue was told last the device may do whenever it likes.
    if failure == nil, !isControlLost { try checkControl() }
  }

  /// Lets the device answer when its status has been read `reads` times more.
  private func answer(after reads: Int) {
    let isLegacy = device.transport.isLegacy
    let (model, status) = (rig.model, isLegacy ? (0, 18) : (4, 20))
    var left = reads
    model.tamperRead = { [unowned model] register, offset, _ in
      guard (register, offset) == status else { return nil }
      if left == 0 {
        left = reads
        model.answerLate()
      }
      left -= 1
      return nil
    }
  }

  /// One of all that there is to be told.
  private mutating func tellSomething() throws(ControlError) {
    switch random(0...5) {
    case 0:
      let modes = ReceiveFilter.Modes(rawValue: UInt8(random(0...63)))
      let isOn = chance(50)
      try device.setReceiveMode(modes, isOn)
      let told = ControlState.Modes(rawValue: modes.rawValue)
      if isOn {
        wanted.modes.formUnion(told)
      } else {
        wanted.modes.subtract(told)
      }
    case 1:
      let unicast = (0..<random(0...3)).map { address($0) }
      let multicast = (0..<random(0...3)).map { address($0, isGroup: true) }
      try device.setFilter(unicast: unicast, multicast: multicast)
      wanted.table = Set((unicast + multicast).map(octets))
    case 2:
      // Legacy has another way too, which ReceiveFilterTests goes.
      guard canBeToldAddresses || !device.transport.isLegacy else { return }
      let bits: UInt64 = chance(80) ? 0x0200_0000_0001 : address(random(4...9))
      try device.setMACAddress(bits)
      wanted.macAddress = octets(bits)
    case 3:
      let offered = device.features.intersection(.guestOffloads)
      let mask = numbers.next()
      let some = Features(rawValue: offered.rawValue & mask)
      let offloads = FeatureNegotiation.accept(some, understood: some)
      try device.setGuestOffloads(offloads)
      wanted.offloads = offloads.rawValue
    case 4:
      let packets = UInt32(random(0...4))
      let coalescing = Coalescing(packets: packets, microseconds: 50)
      try device.setCoalescing(receive: coalescing, transmit: coalescing)
      let told = ControlState.Coalescing(packets: packets, microseconds: 50)
      (wanted.receiveCoalescing, wanted.transmitCoalescing) = (told, told)
    default:
      try device.acknowledgeAnnouncement()
    }
  }

  /// Whether there is a command for the interface's address.
  private var canBeToldAddresses: Bool {
    device.features.isSuperset(of: [.ctrlMACAddr, .ctrlRX])
  }

  /// Whether a command has failed as it must, and was counted.
  private mutating func check(
    _ failure: ControlError?,
    _ fate: Fate,
    after before: ControlCounters
  ) throws {
    let now = device.controlCounters
    let isTold = now.commands > before.commands
    switch failure {
    case nil:
      try check(
        fate != .refused || !isTold,
        "a command was refused, and nobody was told"
      )
    case .refused:
      try check(
        fate == .refused && isTold
          && now.refused - before.refused == now.commands - before.commands,
        "a command that was to be \(fate) was refused, and counted otherwise"
      )
    case .unanswered:
      let isLate = if case .late = fate { true } else { false }
      try check(isLate || isControlLost, "unanswered: \(fate)")
      try check(
        now.unanswered == before.unanswered + (isTold ? 1 : 0),
        "a command without an answer was not counted"
      )
      isControlLost = true
    case .notOffered, .invalid:
      try check(!isTold, "\(failure!) although it was told")
    }
    try check(
      !isControlLost || failure != nil || !isTold,
      "a command after one that was not answered"
    )
  }

  /// Whether the device knows what the driver was asked to tell it.
  func checkControl() throws {
    let known = rig.model.control
    let features = device.features
    if features.contains(.ctrlRX) {
      try check(
        known.modes == wanted.modes && known.table.isSuperset(of: wanted.table),
        "the filter is \(known.modes) \(known.table)"
      )
    }
    if canBeToldAddresses {
      let bits = octets(device.macAddressBits)
      try check(known.macAddress == bits, "the address is \(known.macAddress)")
    }
    // A device that was mute too often is told nothing any more.
    guard features.contains(.ctrlVQ) else { return }
    try check(
      known.offloads == wanted.offloads,
      "the offloads are \(known.offloads)"
    )
    try check(
      known.receiveCoalescing == wanted.receiveCoalescing
        && known.transmitCoalescing == wanted.transmitCoalescing,
      "interrupts are put off otherwise"
    )
  }

  /// The device asks the interface to make itself known.
  mutating func announce() throws {
    guard device.features.isSuperset(of: [.guestAnnounce, .status]),
      !isControlLost
    else { return }
    say("announce")
    rig.model.askForAnnouncement()
    let isAsked = device.mustAnnounce
    try device.acknowledgeAnnouncement()
    let isStillAsked = device.mustAnnounce
    try check(isAsked && !isStillAsked, "\(isAsked), then \(isStillAsked)")
  }
}
