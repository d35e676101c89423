/// A rule of VIRTIO 1.2 that the driver has broken, as the device sees it.
enum Violation: Hashable {
  // MARK: Status and initialisation, §2.1 and §3.1.1

  /// The device was used before it had been reset.
  case notReset
  /// The status was written after a reset before it had read as 0. §4.1.4.3.2.
  case resetNotAwaited
  /// A bit of the status was cleared otherwise than by a reset. §2.1.1.
  case statusBitCleared
  /// A bit of the status was set before one that comes first. §3.1.1.
  case statusOutOfOrder
  /// FEATURES_OK was not read back. §3.1.1, step 6.
  case featuresNotReadBack
  /// DRIVER_OK was set though FEATURES_OK had been refused.
  case refusedFeaturesUsed
  /// Something happened after FAILED other than a reset.
  case usedAfterFailed

  // MARK: Features, §2.2

  /// A feature was accepted that is not offered. §2.2.1.
  case featureNotOffered
  /// A feature was accepted without the one it needs. §5.1.3.1.
  case featureDependency
  /// Features were written when they were agreed on already.
  case featuresAfterAgreement

  // MARK: Registers, §4.1

  /// An access was not as wide as its field. §4.1.3.1.
  case wrongWidth
  /// A field was written that only the device writes, or there is no field.
  case notWritable
  /// The device's configuration was written. §5.1.4.
  case configurationWritten
  /// A field of the configuration was read whose feature is not offered.
  case configurationNotOffered
  /// Notifications went to another place than the queue's. §4.1.5.2.
  case wrongDoorbell
  /// A vector was set and not read back. §4.1.5.1.2.
  case vectorNotReadBack
  /// A vector was set that the table does not have, or without MSI-X.
  case vectorOutOfTable

  // MARK: Queues, §2.7 and §4.1.5.1.3

  /// A queue was set up before the features were agreed on, or after
  /// DRIVER_OK.
  case queueOutOfOrder
  /// A queue was changed after it had been enabled.
  case queueChangedWhileEnabled
  /// A queue's size is no power of two, or larger than the device allows.
  case badQueueSize
  /// A part of a queue is not aligned. §2.7.
  case misalignedQueue
  /// A part of a queue is not where the device reaches memory.
  case queueNotInMemory
  /// A queue was named that the device does not have.
  case noSuchQueue
  /// DRIVER_OK was set though a queue was not enabled.
  case queueMissing

  // MARK: Buffers, §2.7

  /// The device was notified before DRIVER_OK. §3.1.1.
  case notifiedTooEarly
  /// The device had memory to access and was not a bus master. PCI 3.0 §6.2.2.
  case notBusMaster
  /// More entries came available than the queue has, or the index went back.
  case badAvailableIndex
  /// The flags of the driver area are neither 0 nor NO_INTERRUPT. §2.7.7.
  case badAvailableFlags
  /// A chain begins at, or goes on to, a descriptor that there is not.
  case descriptorOutOfRange
  /// A descriptor of a chain that the device still has was used again.
  case descriptorInFlight
  /// A chain leads back to itself.
  case chainLoops
  /// A descriptor's flags are none that were agreed on.
  case badDescriptorFlags
  /// A buffer is not where the device reaches memory, or is empty.
  case bufferNotInMemory
  /// A buffer to be read is in the receive queue, or the reverse. §5.1.6.
  case wrongDirection
  /// Memory was given back while the device could still use it. §2.4, §3.3.1.
  case memoryTakenBack

  // MARK: Network device, §5.1.6

  /// A receive buffer is smaller than the header and a full frame.
  /// §5.1.6.3.1.
  case receiveBufferTooSmall
  /// A header to send is not all zero though no offload was agreed on.
  case headerNotZero
  /// The header shares a descriptor though it must have its own. §2.7.4.
  case headerNotSeparate
  /// A frame has not even an Ethernet header.
  case frameTooShort
}
