import PCIModel

/// When either side wants to hear of the other. VIRTIO 1.2 §2.7.7, §2.7.10,
/// §2.8.10, §2.8.14.
extension DeviceQueue {
  private enum EventFlags {
    static let enable: UInt16 = 0
    static let disable: UInt16 = 1
    static let descriptor: UInt16 = 2
  }

  // MARK: From the device to the driver

  /// Checks what the driver says of the notifications that it wants.
  func checkDriverEvents(
    _ memory: ModelMemory,
    _ object: (Violation) -> Void
  ) {
    guard rules.isPacked else {
      // §2.7.7.1: 0 with event indices, otherwise 0 or 1.
      if availableFlags(memory) > (rules.hasEventIndex ? 0 : 1) {
        object(.badAvailableFlags)
      }
      return
    }
    let flags: UInt16 = memory.load(driverArea + 2)
    switch flags {
    case EventFlags.enable, EventFlags.disable: return
    case EventFlags.descriptor where rules.hasEventIndex:
      let place: UInt16 = memory.load(driverArea)
      if place & 0x7FFF >= size { object(.badEventSuppression) }
    default: object(.badEventSuppression)
    }
  }

  /// Whether the driver wants to hear of what was used since the last time,
  /// exactly as its event index or its flags say.
  mutating func takesInterrupt(_ memory: ModelMemory) -> Bool {
    defer { signalled = used }
    return isWanted(
      signalled..<max(used, signalled),
      area: driverArea,
      event: usedEventAddress,
      memory
    )
  }

  // MARK: From the driver to the device

  /// Asks for a notification of what comes next, as a device does before it
  /// sleeps.
  mutating func arm(_ memory: ModelMemory) {
    guard isEnabled, rules.hasEventIndex, !isSuppressed else { return }
    let position = seen + notifyAfter
    if rules.isPacked {
      memory.store(offsetAndWrap(position), at: deviceArea)
      memory.store(EventFlags.descriptor, at: deviceArea + 2)
    } else {
      memory.store(
        UInt16(truncatingIfNeeded: position),
        at: availableEventAddress
      )
    }
  }

  /// Asks the driver not to notify, or to do so again.
  mutating func suppress(_ isSuppressed: Bool, _ memory: ModelMemory) {
    self.isSuppressed = isSuppressed
    armed = publishedEnd(memory)
    if rules.isPacked {
      memory.store(
        isSuppressed ? EventFlags.disable : EventFlags.enable,
        at: deviceArea + 2
      )
    } else if rules.hasEventIndex {
      // As far away as there is.
      if isSuppressed {
        memory.store(
          UInt16(truncatingIfNeeded: seen - 1),
          at: availableEventAddress
        )
      } else {
        memory.store(
          UInt16(truncatingIfNeeded: armed),
          at: availableEventAddress
        )
      }
    } else {
      memory.store(isSuppressed ? 1 : 0 as UInt16, at: deviceArea)
    }
  }

  /// The position behind all that the driver has published, in so far as it
  /// can be believed.
  func publishedEnd(_ memory: ModelMemory) -> Int {
    guard isEnabled else { return seen }
    if rules.isPacked {
      var position = seen
      while position - used < Int(size), isAvailable(position, memory) {
        position += 1
      }
      return position
    }
    let count = availableIndex(memory) &- UInt16(truncatingIfNeeded: seen)
    return count <= size ? seen + Int(count) : seen
  }

  /// Whether the driver has published something of which it must notify and
  /// has not: the device would sleep for ever.
  func owesNotification(_ memory: ModelMemory) -> Bool {
    let start = max(seen, notified, armed)
    return isWanted(
      start..<max(start, publishedEnd(memory)),
      area: deviceArea,
      event: availableEventAddress,
      memory
    )
  }

  /// Notes a notification; says whether the device had asked for it.
  mutating func noteNotification(_ memory: ModelMemory) -> Bool {
    defer { notified = max(notified, publishedEnd(memory)) }
    return owesNotification(memory)
  }

  /// What §2.9 puts into a notification beside the queue: the available index,
  /// or the offset and the wrap counter of the next descriptor.
  func notificationData(_ memory: ModelMemory) -> UInt16 {
    rules.isPacked
      ? offsetAndWrap(publishedEnd(memory)) : availableIndex(memory)
  }

  // MARK: Both

  /// Whether the side that owns `area` wants to hear that these positions have
  /// passed. Compared for each of them, so nothing can wrap.
  private func isWanted(
    _ positions: Range<Int>,
    area: UInt64,
    event: UInt64,
    _ memory: ModelMemory
  ) -> Bool {
    if rules.isPacked {
      switch memory.load(area + 2, as: UInt16.self) & 3 {
      case EventFlags.enable: return !positions.isEmpty
      case EventFlags.descriptor where rules.hasEventIndex:
        let place: UInt16 = memory.load(area)
        return positions.contains { offsetAndWrap($0) == place }
      default: return false
      }
    }
    guard rules.hasEventIndex else {
      return !positions.isEmpty && memory.load(area, as: UInt16.self) & 1 == 0
    }
    let index: UInt16 = memory.load(event)
    return positions.contains { UInt16(truncatingIfNeeded: $0) == index }
  }
}
