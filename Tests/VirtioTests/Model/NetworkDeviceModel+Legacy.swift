/// The registers of a legacy device. VIRTIO 1.2 §4.1.4.10.
extension NetworkDeviceModel {
  /// Width in bytes and whether the driver may write, by offset.
  private static let legacyFields: [Int: (width: Int, isWritable: Bool)] = [
    0: (4, false), 4: (4, true), 8: (4, true), 12: (2, false), 14: (2, true),
    16: (2, true), 18: (1, true), 19: (1, false),
  ]
  private static let legacyVectorFields = [
    20: (width: 2, isWritable: true), 22: (width: 2, isWritable: true),
  ]

  /// §4.1.4.10: MSI-X, when enabled, moves the configuration.
  private var configurationOffset: Int { isMSIXEnabled ? 24 : 20 }

  private func legacyField(
    _ offset: Int
  ) -> (width: Int, isWritable: Bool)? {
    let vectorField = isMSIXEnabled ? Self.legacyVectorFields[offset] : nil
    return Self.legacyFields[offset] ?? vectorField
  }

  func readLegacy(_ offset: Int, width: Int) -> UInt32 {
    guard offset < configurationOffset else {
      return configuration(offset - configurationOffset, width: width)
    }
    guard let field = legacyField(offset), field.width == width else {
      object(.wrongWidth)
      return .max
    }
    switch offset {
    case 0: return UInt32(truncatingIfNeeded: offered(isModern: false))
    case 4: return UInt32(truncatingIfNeeded: accepted)
    case 8:
      return selected.map {
        UInt32(truncatingIfNeeded: queues[$0].descriptors >> 12)
      } ?? 0
    case 12: return selected.map { UInt32(queues[$0].size) } ?? 0
    case 14: return UInt32(queueSelect)
    case 18: return UInt32(readStatus())
    case 19: return UInt32(takeInterruptStatus())
    case 20: return UInt32(readVector(queue: nil))
    case 22: return selected.map { UInt32(readVector(queue: $0)) } ?? 0xFFFF
    default: return 0
    }
  }

  /// §5.1.4.3: where there is no command for it, the address is written byte by
  /// byte; nothing else is.
  private func writeLegacyConfiguration(
    _ offset: Int,
    _ width: Int,
    _ value: UInt32
  ) {
    guard 0..<6 ~= offset, accepted & FeatureBit.mac.mask != 0,
      accepted & FeatureBit.ctrlMACAddr.mask == 0
    else { return object(.configurationWritten) }
    guard width == 1 else { return object(.wrongWidth) }
    control.macAddress[offset] = UInt8(truncatingIfNeeded: value)
  }

  func writeLegacy(_ offset: Int, width: Int, _ value: UInt32) {
    guard offset < configurationOffset else {
      return writeLegacyConfiguration(
        offset - configurationOffset,
        width,
        value
      )
    }
    guard let field = legacyField(offset), field.width == width else {
      return object(.wrongWidth)
    }
    guard field.isWritable else { return object(.notWritable) }
    switch offset {
    case 4: accept(UInt64(value))
    case 8: setPage(value)
    case 14: queueSelect = UInt16(truncatingIfNeeded: value)
    case 16: notify(value)
    case 18: writeStatus(UInt8(truncatingIfNeeded: value))
    case 20: setVector(UInt16(truncatingIfNeeded: value), queue: nil)
    case 22:
      guard let selected else { return object(.noSuchQueue) }
      setVector(UInt16(truncatingIfNeeded: value), queue: selected)
    default: object(.notWritable)
    }
  }

  /// §2.7.2: the parts follow each other from the page on, the device area at
  /// the next page.
  private func setPage(_ page: UInt32) {
    checkQueueChange(isModern: false)
    guard let selected else { return }
    let size = UInt64(queues[selected].size)
    let start = UInt64(page) << 12
    queues[selected].descriptors = start
    queues[selected].driverArea = start + 16 * size
    let end = start + 16 * size + 6 + 2 * size
    queues[selected].deviceArea = (end + 4095) & ~4095
    enableSelected()
  }
}
