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
  /// A feature was accepted without one that it needs. §5.1.3.1, §6.
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

  // MARK: Queues, §2.7, §2.8 and §4.1.5.1.3

  /// A queue was set up before the features were agreed on, or after
  /// DRIVER_OK.
  case queueOutOfOrder
  /// A queue was changed after it had been enabled.
  case queueChangedWhileEnabled
  /// A queue's size is 0, larger than the device allows, or, if it is split,
  /// no power of two.
  case badQueueSize
  /// A part of a queue is not aligned. §2.7.
  case misalignedQueue
  /// A part of a queue is not where the device reaches memory.
  case queueNotInMemory
  /// The indices or descriptors of a queue did not begin at 0. §2.7.10.1,
  /// §2.8.13.
  case queueNotZeroed
  /// A queue was named that the device does not have.
  case noSuchQueue
  /// DRIVER_OK was set, or pairs were asked for, though a queue was not
  /// enabled. §5.1.6.5.6.1.
  case queueMissing

  // MARK: Reset of one queue, §2.6.1 and §4.1.4.3

  /// A queue was reset alone though RING_RESET was not agreed on.
  case queueResetNotNegotiated
  /// A queue was reset that is not enabled, before DRIVER_OK, or by another
  /// value than 1.
  case queueResetOutOfOrder
  /// A queue was set up again before its reset had read as 0.
  case queueResetNotAwaited

  // MARK: Notifications, §2.7.7, §2.7.10, §2.8.14 and §2.9

  /// The device was notified of a queue that is not enabled.
  case queueNotEnabled
  /// What a notification says of the ring is not so. §2.9.
  case wrongNotificationData
  /// An event suppression structure holds what it cannot. §2.8.14.
  case badEventSuppression

  // MARK: Buffers, §2.7

  /// The device was notified before DRIVER_OK. §3.1.1.
  case notifiedTooEarly
  /// The device had memory to access and was not a bus master. PCI 3.0 §6.2.2.
  case notBusMaster
  /// More entries came available than the queue has, or the index went back.
  case badAvailableIndex
  /// The flags of the driver area are neither 0 nor NO_INTERRUPT, or not 0
  /// with event indices. §2.7.7.1.
  case badAvailableFlags
  /// A chain begins at, or goes on to, a descriptor that there is not.
  case descriptorOutOfRange
  /// A descriptor of a chain that the device still has was used again.
  case descriptorInFlight
  /// A chain leads back to itself.
  case chainLoops
  /// A chain has more descriptors than the queue. §2.7.5.3.1, §2.8.15.2.
  case chainTooLong
  /// Something to read comes behind something to write. §2.7.4.2, §2.8.15.2.
  case readableAfterWritable
  /// A descriptor points to a table and goes on. §2.7.5.3.1, §2.8.16.
  case nextWithIndirect
  /// A table's length is 0 or no multiple of 16. §2.7.5.3.
  case badIndirectTable
  /// A table points to a table. §2.7.5.3.1.
  case nestedIndirect
  /// Descriptors are not used in ring order, though IN_ORDER was agreed on.
  /// §2.7.5.1, §2.7.5.3.1.
  case notInRingOrder
  /// Bytes that the device may write are in two buffers that it has. §2.6.
  case bufferInFlight
  /// Bytes that the device reads were changed before it was done. §2.6.
  case bufferChangedInFlight
  /// A descriptor's flags are none that were agreed on.
  case badDescriptorFlags
  /// A buffer is not where the device reaches memory, or is empty.
  case bufferNotInMemory
  /// A buffer to be read is in the receive queue, or the reverse. §5.1.6.
  case wrongDirection
  /// Memory was given back while the device could still use it. §2.4, §3.3.1.
  case memoryTakenBack

  // MARK: Packed queues, §2.8

  /// More descriptors are available than the ring has.
  case ringOverrun
  /// A descriptor was changed while it was the device's. §2.8.13.2.
  case descriptorChanged
  /// Flags were written that are not those of the wrap counter. §2.8.1.
  case wrongWrap
  /// A chain's first descriptor came before the rest. §2.8.15.2.
  case chainIncomplete
  /// A descriptor of a chain points to a table. §2.8.16.
  case indirectInChain
  /// A buffer id is not less than the queue's size. §2.8.21.
  case bufferIDOutOfRange
  /// Two buffers that the device has bear the same id. §2.8.
  case bufferIDInFlight

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
  /// A frame is longer than the MTU that was agreed on, or 1500 bytes, and
  /// not to be cut; or its segments are. §5.1.4.2.
  case frameTooLong
  /// A frame is on a queue beyond the pairs that are in use. §5.1.6.5.6.1.
  case queueBeyondPairs

  // MARK: Headers of packets to send, §5.1.6.2.1

  /// DATA_VALID, RSC_INFO or a flag that there is not; or a hash.
  case badHeaderFlags
  /// num_buffers is not 0.
  case bufferCountNotZero
  /// NEEDS_CSUM though CSUM was not agreed on.
  case checksumNotNegotiated
  /// The checksum would be outside of the packet.
  case checksumOutsidePacket
  /// csum_start or csum_offset is not where the transport has it.
  case checksumMisplaced
  /// The field does not hold the sum of the pseudo-header.
  case wrongPseudoHeaderSum
  /// Without NEEDS_CSUM the checksum is not right.
  case checksumIncomplete
  /// A gso_type whose feature was not agreed on.
  case segmentationNotNegotiated
  /// A gso_type that there is not, or that is not the packet's.
  case badSegmentationType
  /// A gso_type without NEEDS_CSUM.
  case segmentationWithoutChecksum
  /// A gso_type with a gso_size of 0.
  case segmentSizeZero
  /// hdr_len is not the length of the headers; without a gso_type it may also
  /// be 0, or more.
  case headerLengthWrong
  /// ECN though HOST_ECN was not agreed on.
  case ecnNotNegotiated
  /// The ECN bit of gso_type is not as the packet's CWR.
  case ecnMisstated

  // MARK: Control queue, §5.1.6.5

  /// A command was there before DRIVER_OK. §3.1.1.
  case commandTooEarly
  /// A command is not class, command and data to read and one byte to write.
  case badCommandLayout
  /// There is no such command.
  case unknownCommand
  /// A command's feature was not agreed on.
  case commandNotNegotiated
  /// A command's data is longer or shorter than it must be.
  case badCommandLength
  /// A command's data says what it may not.
  case badCommandData
}
