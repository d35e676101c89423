/// The control queue: how commands come and go. VIRTIO 1.2 §5.1.6.5.
extension NetworkDeviceModel {
  private enum Kind {
    static let receive: UInt8 = 0
    static let mac: UInt8 = 1
    static let vlan: UInt8 = 2
    static let announce: UInt8 = 3
    static let multiqueue: UInt8 = 4
    static let offloads: UInt8 = 5
    static let coalescing: UInt8 = 6
  }

  /// Takes the commands that have come.
  func answerCommands() {
    guard let controlIndex, isRunning, !stalled.contains(controlIndex) else {
      return
    }
    look(controlIndex)
    while let chain = queues[controlIndex].next() {
      let answer = take(chain)
      switch controlAnswer {
      case .honest: finishCommand(chain, answer: answer, length: 1)
      case .refuses: finishCommand(chain, answer: 1, length: 1)
      case .late: unanswered.append((chain, answer))
      case .never: continue
      case .withLength(let length):
        finishCommand(chain, answer: answer, length: length)
      case .with(let byte): finishCommand(chain, answer: byte, length: 1)
      }
    }
  }

  /// Gives the answers that are late.
  func answerLate() {
    for (chain, answer) in unanswered {
      finishCommand(chain, answer: answer, length: 1)
    }
    unanswered = []
  }

  private func finishCommand(
    _ chain: DeviceQueue.Chain,
    answer: UInt8,
    length: UInt32
  ) {
    guard let controlIndex else { return }
    write([answer], to: chain)
    queues[controlIndex].use(
      chain,
      // §5.1.6.1: a legacy device's length is rubbish.
      length: isModernDriver ? length : length &+ 0xBEE0,
      memory
    )
    interruptDriver(queue: controlIndex)
  }

  /// Parses and does a command; 0 for OK.
  private func take(_ chain: DeviceQueue.Chain) -> UInt8 {
    // §5.1.6.5: class, command and data to read, one byte to write.
    guard chain.contents.count >= 2, chain.writableLength == 1 else {
      object(.badCommandLayout)
      return 1
    }
    let command = ControlCommand(
      kind: chain.contents[0],
      command: chain.contents[1],
      data: Array(chain.contents[2...])
    )
    commands.append(command)
    if controlAnswer == .refuses {
      // What would be objected to is, but nothing is kept.
      let before = control
      _ = perform(command)
      control = before
      return 1
    }
    return perform(command)
  }

  private func perform(_ command: ControlCommand) -> UInt8 {
    isRefused = false
    if let violation = attempt(command) {
      object(violation)
      return 1
    }
    return isRefused ? 1 : 0
  }

  /// Does a command, or says what is wrong with it.
  private func attempt(_ command: ControlCommand) -> Violation? {
    switch (command.kind, command.command) {
    case (Kind.receive, 0...5): setMode(command)
    case (Kind.mac, 0): setTable(command)
    case (Kind.mac, 1): setAddress(command)
    case (Kind.vlan, 0...1): setVLAN(command)
    case (Kind.announce, 0): acknowledge(command)
    case (Kind.multiqueue, 0): setPairs(command)
    case (Kind.multiqueue, 1): setScaling(command)
    case (Kind.multiqueue, 2): setHash(command)
    case (Kind.offloads, 0): setOffloads(command)
    case (Kind.coalescing, 0...1): setCoalescing(command)
    default: .unknownCommand
    }
  }

  // MARK: Filters, §5.1.6.5.1 to §5.1.6.5.3

  private func setMode(_ command: ControlCommand) -> Violation? {
    guard has(command.command < 2 ? .ctrlRX : .ctrlRXExtra) else {
      return .commandNotNegotiated
    }
    guard command.data.count == 1 else { return .badCommandLength }
    guard command.data[0] <= 1 else { return .badCommandData }
    let mode = ControlState.Modes(rawValue: 1 << command.command)
    if command.data[0] == 1 {
      control.modes.insert(mode)
    } else {
      control.modes.remove(mode)
    }
    return nil
  }

  private func setTable(_ command: ControlCommand) -> Violation? {
    guard has(.ctrlRX) else { return .commandNotNegotiated }
    var table: Set<[UInt8]> = []
    var offset = 0
    // §5.1.6.5.2.2: addresses that are no groups, then groups.
    for isGroup in [false, true] {
      guard let count: UInt32 = command.integer(offset) else {
        return .badCommandLength
      }
      offset += 4
      guard Int(count) <= (command.data.count - offset) / 6 else {
        return .badCommandLength
      }
      for _ in 0..<count {
        let address = Array(command.data[offset..<offset + 6])
        guard (address[0] & 1 == 1) == isGroup else { return .badCommandData }
        table.insert(address)
        offset += 6
      }
    }
    guard offset == command.data.count else { return .badCommandLength }
    guard table.count <= largestTable else {
      isRefused = true
      return nil
    }
    control.table = table
    return nil
  }

  private func setAddress(_ command: ControlCommand) -> Violation? {
    // §5.1.6.5.2.2: no command of the class without CTRL_RX; and this one has
    // a feature of its own.
    guard has(.ctrlRX), has(.ctrlMACAddr) else { return .commandNotNegotiated }
    guard command.data.count == 6 else { return .badCommandLength }
    guard command.data[0] & 1 == 0 else { return .badCommandData }
    control.macAddress = command.data
    generation &+= 1
    return nil
  }

  private func setVLAN(_ command: ControlCommand) -> Violation? {
    guard has(.ctrlVLAN) else { return .commandNotNegotiated }
    guard let vlan: UInt16 = command.integer(0), command.data.count == 2 else {
      return .badCommandLength
    }
    guard vlan < 4096 else { return .badCommandData }
    if command.command == 0 {
      control.vlans.insert(vlan)
    } else {
      control.vlans.remove(vlan)
    }
    return nil
  }

  // MARK: The rest, §5.1.6.5.4, §5.1.6.5.8, §5.1.6.5.9

  private func acknowledge(_ command: ControlCommand) -> Violation? {
    guard has(.guestAnnounce) else { return .commandNotNegotiated }
    guard command.data.isEmpty else { return .badCommandLength }
    linkStatus &= ~2
    generation &+= 1
    control.acknowledgements += 1
    return nil
  }

  private func setOffloads(_ command: ControlCommand) -> Violation? {
    guard has(.ctrlGuestOffloads) else { return .commandNotNegotiated }
    guard let offloads: UInt64 = command.integer(0), command.data.count == 8
    else { return .badCommandLength }
    guard offloads & ~(accepted & ControlState.offloadBits) == 0 else {
      return .badCommandData
    }
    control.offloads = offloads
    return nil
  }

  private func setCoalescing(_ command: ControlCommand) -> Violation? {
    guard has(.notfCoal) else { return .commandNotNegotiated }
    guard let packets: UInt32 = command.integer(0),
      let microseconds: UInt32 = command.integer(4), command.data.count == 8
    else { return .badCommandLength }
    let setting = ControlState.Coalescing(
      packets: packets,
      microseconds: microseconds
    )
    if command.command == 0 {
      control.transmitCoalescing = setting
    } else {
      control.receiveCoalescing = setting
    }
    return nil
  }
}
