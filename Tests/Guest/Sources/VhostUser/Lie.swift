/// A way in which a device can break its side of VIRTIO.
public enum Lie: String, Sendable, CaseIterable {
  // MARK: Used entries of the receive queue. VIRTIO 1.2 §2.7.8, §2.8.8

  /// An id that no descriptor has.
  case receiveIdentifierOutOfRange
  /// An id that the driver has not posted.
  case receiveIdentifierNotInFlight
  /// The same id in two entries, one after the other.
  case receiveIdentifierTwice
  /// Nothing was written.
  case receiveLengthZero
  /// Less than the packet header was written.
  case receiveLengthShorterThanHeader
  /// The packet header was written, and less than an Ethernet header.
  case receiveLengthWithoutFrame
  /// One byte more was written than there is room for.
  case receiveLengthBeyondBuffer
  /// As much was written as a number can say.
  case receiveLengthHuge
  /// The index of a split ring goes by more than the ring holds; in a packed
  /// ring everything looks used.
  case receiveIndexTooFar

  // MARK: Used entries of the transmit queue

  /// An id that no descriptor has.
  case transmitIdentifierOutOfRange
  /// An id that the driver has not posted.
  case transmitIdentifierNotInFlight
  /// The same id in two entries, one after the other.
  case transmitIdentifierTwice
  /// Bytes were written, though there is nothing to write to.
  case transmitLengthHuge
  /// As ``receiveIndexTooFar``.
  case transmitIndexTooFar
  /// Frames are taken and never given back, until the driver resets.
  case transmitNeverCompletes

  // MARK: The packet header. §5.1.6.4

  /// `num_buffers` is 0.
  case bufferCountZero
  /// `num_buffers` is 65,535.
  case bufferCountTooLarge
  /// `num_buffers` is one more than come.
  case bufferCountMoreThanCome
  /// `csum_start` is behind the packet.
  case checksumStartOutside
  /// `csum_offset` leads behind the packet.
  case checksumOffsetOutside
  /// `csum_start` is the packet's last byte.
  case checksumAtEnd
  /// A segmented packet without a segment's size.
  case segmentSizeZero
  /// A kind of segmentation that was not agreed on.
  case segmentationNotNegotiated
  /// A kind of segmentation that there is not.
  case segmentationUnknown
  /// `hdr_len` is longer than the packet.
  case headerLengthBeyondPacket
  /// Flags that mean nothing.
  case flagsUnknown

  // MARK: Packets

  /// A packet that fills all that was posted, up to 64 KiB and more.
  case frameTooLarge
  /// A packet header and a packet of random bytes.
  case randomPacket

  // MARK: The rings at large

  /// A used descriptor as of another time round the ring; packed rings only.
  case wrongWrap
  /// Rubbish where the device says which notifications it wants. §2.7.10,
  /// §2.8.10
  case suppressionRubbish
  /// Random bytes in all of a ring that the device may write.
  case randomRings
  /// A thousand interrupts for nothing.
  case interruptStorm
  /// The link goes down, and rings and all, and comes back.
  case connectionLost

  /// What comes of it in a driver that believes nothing.
  public enum Consequence: Sendable {
    /// Nothing: it is none of the driver's concern.
    case none
    /// Each costs that packet, which is counted.
    case drop
    /// It costs a packet, or nothing.
    case perhapsDrop
    /// Each costs a reset of the device, which is counted.
    case reset
    /// Random bytes can be anything.
    case anything
  }

  /// What comes of it when these features were agreed on.
  public func consequence(_ features: DeviceFeatures) -> Consequence {
    switch self {
    case .receiveIdentifierOutOfRange, .receiveIdentifierNotInFlight,
      .receiveIdentifierTwice, .receiveIndexTooFar,
      .transmitIdentifierOutOfRange, .transmitIdentifierNotInFlight,
      .transmitIdentifierTwice, .transmitIndexTooFar, .transmitNeverCompletes:
      .reset
    case .receiveLengthZero, .receiveLengthShorterThanHeader,
      .receiveLengthWithoutFrame, .receiveLengthBeyondBuffer,
      .receiveLengthHuge, .checksumStartOutside, .checksumOffsetOutside,
      .checksumAtEnd, .segmentSizeZero, .segmentationNotNegotiated,
      .segmentationUnknown:
      .drop
    case .bufferCountZero, .bufferCountTooLarge, .bufferCountMoreThanCome:
      features.contains(.mergedBuffers) ? .drop : .none
    case .frameTooLarge, .randomPacket: .perhapsDrop
    // It is told of a segmented packet. §5.1.6.4.2: not to be relied on.
    case .headerLengthBeyondPacket:
      features.contains(.guestTSO4) ? .none : .drop
    // §5.1.6.4.2: the driver ignores flags that it does not know.
    case .transmitLengthHuge, .flagsUnknown, .wrongWrap, .suppressionRubbish,
      .interruptStorm:
      .none
    // QEMU knows where a packed ring is only from a device that takes leave: so
    // it begins at the wrong place, and the driver's watchdog finds out.
    case .connectionLost: features.contains(.packed) ? .anything : .none
    case .randomRings: .anything
    }
  }

  /// Whether a ring of this kind can tell it.
  public func exists(inPacked isPacked: Bool) -> Bool {
    self != .wrongWrap || isPacked
  }

  /// Which moment the lie is told at.
  enum Moment {
    case delivery, transmission, anytime
  }

  var moment: Moment {
    switch self {
    case .transmitIdentifierOutOfRange, .transmitIdentifierNotInFlight,
      .transmitIdentifierTwice, .transmitLengthHuge, .transmitIndexTooFar,
      .transmitNeverCompletes:
      .transmission
    case .suppressionRubbish, .randomRings, .interruptStorm, .connectionLost:
      .anytime
    default: .delivery
    }
  }

  /// Whether the driver is to look at the packet before the next one comes,
  /// which it would take for a part of it otherwise.
  var isToldAlone: Bool { self == .bufferCountMoreThanCome }
}

/// The lies about a packet, as far as they are in its header.
extension PacketHeader {
  /// Tells `lie`, if it is one of the header's.
  ///
  /// - Parameter packetSize: How long the packet is.
  mutating func tell(_ lie: Lie, packetSize: Int) {
    switch lie {
    case .bufferCountZero: bufferCount = 0
    case .bufferCountTooLarge: bufferCount = .max
    case .bufferCountMoreThanCome: bufferCount += 1
    case .checksumStartOutside: askForChecksum(start: 0xFFF0, offset: 6)
    case .checksumOffsetOutside: askForChecksum(start: 34, offset: 0xFFF0)
    case .checksumAtEnd:
      askForChecksum(start: UInt16(packetSize - 1), offset: 0)
    case .segmentSizeZero:
      segment(Segmentation.tcp4, size: 0, headerLength: 54)
    case .segmentationNotNegotiated:
      segment(Segmentation.udp, size: 512, headerLength: 42)
    case .segmentationUnknown: segment(0x7F, size: 512, headerLength: 54)
    case .headerLengthBeyondPacket:
      segment(Segmentation.tcp4, size: 1448, headerLength: .max)
    case .flagsUnknown: flags = 0xF8
    default: break
    }
  }

  private mutating func askForChecksum(start: UInt16, offset: UInt16) {
    flags = Flag.needsChecksum
    checksumStart = start
    checksumOffset = offset
  }

  private mutating func segment(
    _ kind: UInt8,
    size: UInt16,
    headerLength: UInt16
  ) {
    askForChecksum(start: 34, offset: 16)
    segmentation = kind
    segmentSize = size
    self.headerLength = headerLength
  }
}
