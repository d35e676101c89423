/// How a network device is to be driven.
public struct NetworkSettings: Sendable {
  /// The memory for buffers to receive into, in bytes.
  public var receiveMemory: Int
  /// For an address, should the device have none.
  public var randomBits: UInt64
  /// Its entries of the MSI-X table; `nil`: it pulls its line.
  public var vectors: InterruptVectors?
  /// The pairs of queues to use, if the device has as many. One core has no use
  /// for more than one, but may be told to.
  public var queuePairs = 1
  /// The virtual LAN that the interface is in; `nil`: frames have no tag.
  public var vlan: VLANTag?
  /// Whether the device is to report the hash of what it receives. Nothing here
  /// has a use for it: it is checked and counted.
  public var reportsHashes = false
  /// See ``VirtioLimits/controlReads``.
  var controlReads = VirtioLimits.controlReads
  /// See ``VirtioLimits/polledReads``.
  var polledReads = VirtioLimits.polledReads
  /// Of what the key of hashes is made.
  let hashSeed: UInt64
  /// Features that are not accepted though they could be.
  public var without: Features = []

  /// Settings for a device with these, and one pair of queues.
  public init(
    receiveMemory: Int,
    randomBits: UInt64,
    vectors: InterruptVectors?
  ) {
    self.receiveMemory = receiveMemory
    self.randomBits = randomBits
    hashSeed = ~randomBits
    self.vectors = vectors
  }
}
