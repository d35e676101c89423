import PCIModel

extension NetworkDeviceModel {
  /// How the device is built: what differs between one device and another.
  struct Build: Sendable {
    var isLegacy = true
    var isModern = true
    var hasMSIX = true
    /// Vectors that the device has to give; more are refused.
    var vectors: UInt16 = 3
    var offered: UInt64 =
      1 << 5 | 1 << 16 | 1 << 27 | 1 << 32 | 1 << 28 | 1 << 29 | 1 << 15
    /// The largest sizes. Queues beyond these are there when pairs or the
    /// control queue need them, and as large as the first two, or 64.
    var queueSizes: [UInt16] = [256, 256]
    var macAddress: [UInt8] = [0x52, 0x54, 0, 0x12, 0x34, 0x56]
    var linkStatus: UInt16 = 1
    var mtu: UInt16 = 1500
    var notifyMultiplier: UInt32 = 4
    /// The queue's place among the doorbells; not its number.
    var notifyOffsets: [UInt16] = [5, 2]
    /// Reads of the status until a reset has come to its end; `nil`: never.
    var resetReads: Int? = 3
    var refusesFeatures = false
    /// Reads of the configuration during which it changes each time.
    var unsteadyReads = 0
    var legacyKind = ModelFunction.BaseAddress(.io, size: 64)
    /// Entries of the MSI-X table.
    var tableSize: UInt16 = 3
    /// max_virtqueue_pairs. §5.1.4.
    var pairs = 1
    /// In megabits a second.
    var speed: UInt32 = 10_000
    var duplex: UInt8 = 1
    var largestKey: UInt8 = 40
    var largestIndirectionTable: UInt16 = 128
    var hashTypes: UInt32 = 0x1FF
    /// Reads of queue_reset until it has come to its end; `nil`: never.
    var queueResetReads: Int? = 2

    /// The largest size of every queue.
    var allQueueSizes: [UInt16] {
      var sizes = queueSizes
      guard sizes.count >= 2 else { return sizes }
      while sizes.count < 2 * pairs { sizes.append(sizes[sizes.count % 2]) }
      if offers(.ctrlVQ), sizes.count == 2 * pairs { sizes.append(64) }
      return sizes
    }

    /// The place of every queue among the doorbells.
    var allNotifyOffsets: [UInt16] {
      var offsets = notifyOffsets
      while offsets.count < allQueueSizes.count {
        offsets.append((offsets.max() ?? 0) + 2)
      }
      return offsets
    }

    /// The bytes of the doorbells' structure.
    var doorbellSize: Int { allQueueSizes.count > 2 ? 0x1000 : 0x100 }

    /// As long as the fields need that are offered. §5.1.4.
    var configurationSize: Int {
      if offers(.rss) || offers(.hashReport) { return 24 }
      return offers(.speedDuplex) ? 17 : 12
    }

    func offers(_ feature: FeatureBit) -> Bool {
      offered & feature.mask != 0
    }
  }
}
