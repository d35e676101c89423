/// The configuration of a network device. VIRTIO 1.2 §5.1.4.
extension NetworkDeviceModel {
  /// The fields: their place and width, and the features of which one must be
  /// offered.
  private static let fields:
    [(place: Range<Int>, width: Int, anyOf: [FeatureBit])] = [
      (0..<6, 1, [.mac]), (6..<8, 2, [.status]), (8..<10, 2, [.mq, .rss]),
      (10..<12, 2, [.mtu]), (12..<16, 4, [.speedDuplex]),
      (16..<17, 1, [.speedDuplex]), (17..<18, 1, [.rss, .hashReport]),
      (18..<20, 2, [.rss]), (20..<24, 4, [.rss, .hashReport]),
    ]

  private var configurationBytes: [UInt8] {
    control.macAddress
      + little(linkStatus)
      + little(UInt16(truncatingIfNeeded: build.pairs))
      + little(mtu)
      + little(speed) + [duplex, build.largestKey]
      + little(build.largestIndirectionTable)
      + little(build.hashTypes)
  }

  /// A byte of the device's configuration. §5.1.4.
  func configuration(_ offset: Int) -> UInt8 {
    if unsteadyReadsLeft > 0 {
      unsteadyReadsLeft -= 1
      generation &+= 1
      return UInt8(truncatingIfNeeded: unsteadyReadsLeft)
    }
    guard
      let field = Self.fields.first(where: { $0.place.contains(offset) })
    else {
      object(.configurationNotOffered)
      return 0
    }
    if !field.anyOf.contains(where: build.offers) {
      object(.configurationNotOffered)
    }
    return configurationBytes[offset]
  }

  /// Reads a field of the configuration as wide as it is. §4.1.3.1.
  func configuration(_ offset: Int, width: Int) -> UInt32 {
    let field = Self.fields.first { $0.place.contains(offset) }
    if width != field?.width ?? 2 { object(.wrongWidth) }
    return (0..<width).reduce(0) {
      $0 | UInt32(configuration(offset + $1)) << UInt32(8 * $1)
    }
  }

  // MARK: What changes it

  /// Changes the link and interrupts for it. §2.5, §4.1.5.4.
  func changeLink(isUp: Bool) {
    linkStatus = linkStatus & ~1 | (isUp ? 1 : 0)
    interruptForConfiguration()
  }

  /// Changes what the link is worth, and interrupts. §5.1.4.
  func changeSpeed(_ speed: UInt32, duplex: UInt8) {
    self.speed = speed
    self.duplex = duplex
    interruptForConfiguration()
  }

  /// Asks the driver to announce itself. §5.1.6.5.4.
  func askForAnnouncement() {
    linkStatus |= 2
    interruptForConfiguration()
  }

  /// Whether the driver has not acknowledged that yet.
  var isAnnouncementPending: Bool { linkStatus & 2 != 0 }

  /// Says that only a reset helps. §2.1.2.
  func askForReset() {
    status |= 0x40
    interruptForConfiguration()
  }

  /// §4.1.5.4: a changed configuration has its own vector and its own bit.
  func interruptForConfiguration() {
    generation &+= 1
    interruptStatus |= 2
    interrupts.append(isMSIXEnabled ? configurationVector : nil)
  }
}

/// The bytes of an integer, least significant first.
func little<T: FixedWidthInteger & UnsignedInteger>(_ value: T) -> [UInt8] {
  (0..<MemoryLayout<T>.size).map {
    UInt8(truncatingIfNeeded: value >> T(8 * $0))
  }
}

/// The bytes of an integer, most significant first.
func big<T: FixedWidthInteger & UnsignedInteger>(_ value: T) -> [UInt8] {
  little(value).reversed()
}
