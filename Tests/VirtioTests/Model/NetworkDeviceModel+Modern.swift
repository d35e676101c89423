/// The structures of a modern device. VIRTIO 1.2 §4.1.4.3 to §4.1.4.6.
extension NetworkDeviceModel {
  enum Structure {
    static let common = 0..<60
    static let interruptStatus = 0x1000
    static let configuration = 0x2000..<0x2018
    static let notifications = 0x3000..<0x4000
  }

  /// Width in bytes and whether the driver may write, by offset. Fields of 64
  /// bits are two of 32. §4.1.3.1.
  private static let commonFields: [Int: (width: Int, isWritable: Bool)] = [
    0: (4, true), 4: (4, false), 8: (4, true), 12: (4, true), 16: (2, true),
    18: (2, false), 20: (1, true), 21: (1, false), 22: (2, true),
    24: (2, true), 26: (2, true), 28: (2, true), 30: (2, false),
    32: (4, true), 36: (4, true), 40: (4, true), 44: (4, true),
    48: (4, true), 52: (4, true), 58: (2, true),
  ]

  func readModern(_ offset: Int, width: Int) -> UInt32 {
    switch offset {
    case Structure.common: return readCommon(offset, width: width)
    case Structure.interruptStatus where width == 1:
      return UInt32(takeInterruptStatus())
    case Structure.configuration:
      return configuration(
        offset - Structure.configuration.lowerBound,
        width: width
      )
    default:
      object(.wrongWidth)
      return .max
    }
  }

  func writeModern(_ offset: Int, width: Int, _ value: UInt32) {
    switch offset {
    case Structure.common: writeCommon(offset, width: width, value)
    case Structure.configuration: object(.configurationWritten)
    case Structure.notifications:
      // §4.1.5.2: 32 bits where they tell more than the queue.
      guard width == (has(.notificationData) ? 4 : 2) else {
        return object(.wrongWidth)
      }
      // §4.1.4.4: the queue's own offset, times the multiplier.
      let place = offset - Structure.notifications.lowerBound
      let offsets = build.allNotifyOffsets
      let queue = Int(value & 0xFFFF)
      guard queue < queues.count,
        place == Int(offsets[queue]) * Int(build.notifyMultiplier)
      else { return object(.wrongDoorbell) }
      notify(
        value & 0xFFFF,
        data: width == 4 ? UInt16(truncatingIfNeeded: value >> 16) : nil
      )
    default: object(.notWritable)
    }
  }

  private func readCommon(_ offset: Int, width: Int) -> UInt32 {
    guard let field = Self.commonFields[offset], field.width == width else {
      object(.wrongWidth)
      return .max
    }
    let queue = selected.map { queues[$0] }
    switch offset {
    case 0: return deviceFeatureSelect
    case 4:
      guard deviceFeatureSelect < 2 else { return 0 }
      return UInt32(
        truncatingIfNeeded: offered(isModern: true)
          >> UInt64(32 * deviceFeatureSelect)
      )
    case 16: return UInt32(readVector(queue: nil))
    case 18: return UInt32(queues.count)
    case 20: return UInt32(readStatus())
    case 21: return UInt32(generation)
    case 22: return UInt32(queueSelect)
    case 24: return UInt32(queue?.size ?? 0)
    case 26: return selected.map { UInt32(readVector(queue: $0)) } ?? 0xFFFF
    case 28: return queue?.isEnabled == true ? 1 : 0
    case 30: return selected.map { UInt32(build.allNotifyOffsets[$0]) } ?? 0
    case 58: return UInt32(readQueueReset())
    default: return 0
    }
  }

  private func writeCommon(_ offset: Int, width: Int, _ value: UInt32) {
    guard let field = Self.commonFields[offset], field.width == width else {
      return object(.wrongWidth)
    }
    guard field.isWritable else { return object(.notWritable) }
    let short = UInt16(truncatingIfNeeded: value)
    switch offset {
    case 0: deviceFeatureSelect = value
    case 8: driverFeatureSelect = value
    case 12:
      guard driverFeatureSelect < 2 else { return }
      accept(
        UInt64(value) << UInt64(32 * driverFeatureSelect),
        half: driverFeatureSelect
      )
    case 16: setVector(short, queue: nil)
    case 20: writeStatus(UInt8(truncatingIfNeeded: value))
    case 22: queueSelect = short
    case 58: writeQueueReset(short)
    default: writeQueue(offset, value)
    }
  }

  private func writeQueue(_ offset: Int, _ value: UInt32) {
    checkQueueChange(isModern: true)
    guard let selected else { return }
    let low = UInt64(value)
    switch offset {
    case 24: queues[selected].size = UInt16(truncatingIfNeeded: value)
    case 26: setVector(UInt16(truncatingIfNeeded: value), queue: selected)
    case 28:
      if value == 1 { enableSelected() } else { object(.notWritable) }
    case 32: replaceLow(\.descriptors, low)
    case 36: replaceHigh(\.descriptors, low)
    case 40: replaceLow(\.driverArea, low)
    case 44: replaceHigh(\.driverArea, low)
    case 48: replaceLow(\.deviceArea, low)
    case 52: replaceHigh(\.deviceArea, low)
    default: object(.notWritable)
    }

    func replaceLow(
      _ field: WritableKeyPath<DeviceQueue, UInt64>,
      _ low: UInt64
    ) {
      let old = queues[selected][keyPath: field]
      queues[selected][keyPath: field] = old & ~0xFFFF_FFFF | low
    }

    func replaceHigh(
      _ field: WritableKeyPath<DeviceQueue, UInt64>,
      _ high: UInt64
    ) {
      let old = queues[selected][keyPath: field]
      queues[selected][keyPath: field] = old & 0xFFFF_FFFF | high << 32
    }
  }
}
