/// What no device may say. Each is told once, now; the driver must outlive it.
extension NetworkDeviceModel {
  enum Lie: CaseIterable, Sendable {
    // Used entries, §2.7.8, §2.8.

    /// An id that no descriptor has.
    case usedIDOutOfRange
    /// The largest id that the field holds.
    case usedIDHuge
    /// An id of nothing that the device has.
    case usedIDNotInFlight
    /// The same chain twice.
    case usedTwice
    /// More written than was to be written to.
    case usedLengthTooLong
    /// More than there is memory.
    case usedLengthHuge
    /// Receive: not even a header written.
    case usedLengthShort
    /// Receive: nothing written.
    case usedLengthZero
    /// Split: the index goes further than the ring is long.
    case usedIndexJumps
    /// Split: the index goes back.
    case usedIndexBack
    /// Packed: flags of the next round.
    case usedWrapWrong
    /// Packed: a descriptor farther on is used first.
    case usedPlaceWrong

    // Headers of received packets, §5.1.6.4.

    /// num_buffers is 0.
    case bufferCountZero
    /// num_buffers is more than the queue is long.
    case bufferCountHuge
    /// num_buffers is more than come.
    case bufferCountTooMany
    /// A buffer that is not the last is not full.
    case buffersNotFull
    /// csum_start is behind the packet.
    case checksumStartOutside
    /// csum_start is within it, the field is not.
    case checksumOffsetOutside
    /// NEEDS_CSUM though it was not agreed on.
    case checksumNotNegotiated
    /// A large packet with a gso_size of 0.
    case segmentSizeZero
    /// A gso_type that was not agreed on.
    case segmentationNotNegotiated
    /// A gso_type that there is not.
    case segmentationUnknown
    /// hdr_len is behind the packet.
    case headerLengthOutside

    // The rest.

    /// Rubbish where the device says when it wants notifications.
    case eventRubbish
    /// An interrupt for nothing.
    case interruptForNothing
    /// A configuration that changes at each of the next reads.
    case configurationUnsteady
    /// The next commands are answered with neither OK nor ERR.
    case answerRubbish
    /// The next commands are answered with a length of 0.
    case answerNotWritten

    /// Whether it is about a received packet.
    var isAboutReceiving: Bool {
      switch self {
      case .usedLengthShort, .usedLengthZero, .bufferCountZero,
        .bufferCountHuge, .bufferCountTooMany, .buffersNotFull,
        .checksumStartOutside, .checksumOffsetOutside,
        .checksumNotNegotiated, .segmentSizeZero,
        .segmentationNotNegotiated, .segmentationUnknown,
        .headerLengthOutside:
        true
      default: false
      }
    }
  }

  /// Tells a lie on a queue; says whether there was the occasion for it.
  @discardableResult
  func tell(_ lie: Lie, queue: Int = 0) -> Bool {
    look(queue)
    let isPacked = queues[queue].rules.isPacked
    let size = UInt32(queues[queue].size)
    switch lie {
    case .usedIDOutOfRange: use(identifier: size, queue)
    case .usedIDHuge: use(identifier: .max, queue)
    case .usedIDNotInFlight:
      let known = Set(queues[queue].inFlight.map(\.head))
      guard let free = (0..<UInt16(size)).first(where: { !known.contains($0) })
      else { return false }
      use(identifier: UInt32(free), queue)
    case .usedTwice:
      guard let chain = queues[queue].next() else { return false }
      queues[queue].use(chain, length: 80, memory)
      queues[queue].use(chain, length: 80, memory)
      interruptDriver(queue: queue)
    case .usedLengthTooLong, .usedLengthHuge, .usedLengthShort,
      .usedLengthZero:
      return useWrongly(lie, queue)
    case .usedIndexJumps, .usedIndexBack:
      guard !isPacked else { return false }
      let back = queues[queue].usedIndex &- 1
      let far = queues[queue].usedIndex &+ 0x7FFF
      queues[queue].setUsedIndex(lie == .usedIndexBack ? back : far, memory)
      interruptSpuriously(queue: queue)
    case .usedWrapWrong, .usedPlaceWrong:
      guard isPacked, let chain = queues[queue].waiting.first else {
        return false
      }
      let place = queues[queue].used + (lie == .usedPlaceWrong ? 1 : 0)
      let flags: UInt16 = queues[queue].wrap(place) ? 0x8080 : 0
      queues[queue].writeUsedSlot(
        id: chain.head,
        length: 80,
        at: place,
        flags: lie == .usedWrapWrong ? ~flags & 0x8080 : flags,
        memory
      )
      interruptSpuriously(queue: queue)
    case .eventRubbish:
      let address =
        isPacked
        ? queues[queue].deviceArea : queues[queue].availableEventAddress
      memory.store(0xFFFF as UInt16, at: address)
      let flags = queues[queue].deviceArea + (isPacked ? 2 : 0)
      memory.store(0xFFFF as UInt16, at: flags)
    case .interruptForNothing: interruptSpuriously(queue: queue)
    case .configurationUnsteady: unsteadyReadsLeft = 1000
    case .answerRubbish: controlAnswer = .with(0xA5)
    case .answerNotWritten: controlAnswer = .withLength(0)
    default: return deliverWrongly(lie, queue)
    }
    return true
  }

  private func use(identifier: UInt32, _ queue: Int) {
    queues[queue].use(identifier: identifier, length: 80, memory)
    interruptSpuriously(queue: queue)
  }

  private func useWrongly(_ lie: Lie, _ queue: Int) -> Bool {
    guard let chain = queues[queue].next() else { return false }
    let length: UInt32 =
      switch lie {
      case .usedLengthTooLong: UInt32(chain.length) + 1
      case .usedLengthHuge: .max
      case .usedLengthShort: UInt32(headerSize) - 1
      default: 0
      }
    queues[queue].use(chain, length: length, memory)
    interruptDriver(queue: queue)
    return true
  }

  /// Hands over 100 bytes with a header that is wrong in one way.
  private func deliverWrongly(_ lie: Lie, _ queue: Int) -> Bool {
    typealias Kind = PacketHeaderFields.Segmentation
    guard let chain = queues[queue].next() else { return false }
    var fields = PacketHeaderFields()
    fields.bufferCount = 1
    if lie != .bufferCountZero, lie != .segmentationUnknown {
      fields.flags = PacketHeaderFields.Flag.needsChecksum
    }
    (fields.checksumStart, fields.checksumOffset) = (34, 16)
    switch lie {
    case .bufferCountZero: fields.bufferCount = 0
    case .bufferCountHuge: fields.bufferCount = .max
    case .bufferCountTooMany, .buffersNotFull: fields.bufferCount = 2
    case .checksumStartOutside: fields.checksumStart = .max
    case .checksumOffsetOutside: fields.checksumOffset = 99 - 34
    case .segmentSizeZero:
      fields.segmentation = takes(.guestTSO6) ? Kind.tcp6 : Kind.tcp4
    case .segmentationNotNegotiated:
      let kinds: [(FeatureBit, UInt8)] = [
        (.guestTSO4, Kind.tcp4), (.guestTSO6, Kind.tcp6),
        (.guestUFO, Kind.udpFragments),
      ]
      guard let kind = kinds.first(where: { !takes($0.0) }) else {
        queues[queue].putBack(chain)
        return false
      }
      (fields.segmentation, fields.segmentSize) = (kind.1, 1000)
    case .segmentationUnknown: fields.segmentation = 0x42
    case .headerLengthOutside:
      fields.segmentation = takes(.guestTSO6) ? Kind.tcp6 : Kind.tcp4
      (fields.segmentSize, fields.headerLength) = (1000, .max)
    default: break
    }
    let frame = control.macAddress + [UInt8](repeating: 7, count: 94)
    write(fields.bytes(headerSize) + frame, to: chain)
    let length = UInt32(headerSize + frame.count)
    if lie == .buffersNotFull, let second = queues[queue].next() {
      write(frame, to: second)
      let both = [(chain, length), (second, UInt32(frame.count))]
      queues[queue].use(together: both, memory)
    } else {
      queues[queue].use(chain, length: length, memory)
    }
    interruptDriver(queue: queue)
    return true
  }
}
