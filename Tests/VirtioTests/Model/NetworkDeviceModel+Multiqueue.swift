/// Several queues and hashes by command. VIRTIO 1.2 §5.1.6.5.5 to §5.1.6.5.7.
extension NetworkDeviceModel {
  func setPairs(_ command: ControlCommand) -> Violation? {
    guard has(.mq) else { return .commandNotNegotiated }
    guard let pairs: UInt16 = command.integer(0), command.data.count == 2
    else { return .badCommandLength }
    guard pairs > 0, Int(pairs) <= build.pairs else { return .badCommandData }
    // §5.1.6.5.6.1: the queues are there before they are used.
    guard (0..<2 * Int(pairs)).allSatisfy(isEnabled) else {
      return .queueMissing
    }
    control.pairs = Int(pairs)
    // §5.1.6.5.5: the last command decides.
    control.scaling = nil
    return nil
  }

  /// Types, mask, queue for the rest, table, transmit queues, key.
  func setScaling(_ command: ControlCommand) -> Violation? {
    guard has(.rss) else { return .commandNotNegotiated }
    guard let types: UInt32 = command.integer(0),
      let mask: UInt16 = command.integer(4),
      let unclassified: UInt16 = command.integer(6)
    else { return .badCommandLength }
    let count = Int(mask) + 1
    guard count & (count - 1) == 0, mask < build.largestIndirectionTable else {
      return .badCommandData
    }
    var table: [Int] = []
    for index in 0..<count {
      guard let entry: UInt16 = command.integer(8 + 2 * index) else {
        return .badCommandLength
      }
      table.append(2 * Int(entry))
    }
    guard let transmitQueues: UInt16 = command.integer(8 + 2 * count) else {
      return .badCommandLength
    }
    // §5.1.6.5.7.1.1: enabled receive queues only.
    let queues = table + [2 * Int(unclassified)]
    guard queues.allSatisfy({ $0 < 2 * pairs && isEnabled($0) }),
      transmitQueues > 0, Int(transmitQueues) <= build.pairs,
      (0..<Int(transmitQueues)).allSatisfy({ isEnabled(2 * $0 + 1) })
    else { return .badCommandData }
    if let violation = setKey(command, at: 10 + 2 * count, types) {
      return violation
    }
    control.scaling = ControlState.Scaling(
      unclassified: 2 * Int(unclassified),
      table: table,
      transmitQueues: transmitQueues
    )
    control.pairs = max(
      Int(transmitQueues),
      (queues.max() ?? 0) / 2 + 1
    )
    return nil
  }

  /// Types, four reserved fields, key.
  func setHash(_ command: ControlCommand) -> Violation? {
    guard has(.hashReport) else { return .commandNotNegotiated }
    guard let types: UInt32 = command.integer(0),
      let reserved: UInt64 = command.integer(4)
    else { return .badCommandLength }
    guard reserved == 0 else { return .badCommandData }
    return setKey(command, at: 12, types)
  }

  /// The length of the key and the key, which ends the command.
  private func setKey(
    _ command: ControlCommand,
    at offset: Int,
    _ types: UInt32
  ) -> Violation? {
    guard let length: UInt8 = command.integer(offset),
      command.data.count == offset + 1 + Int(length)
    else { return .badCommandLength }
    guard length <= build.largestKey, types & ~build.hashTypes == 0 else {
      return .badCommandData
    }
    control.hashTypes = types
    control.hashKey = Array(command.data[(offset + 1)...])
    return nil
  }
}
