import Packets

/// A request for, or a reply with, the Ethernet address that belongs to an IPv4
/// address. RFC 826.
///
///     0          2          4     5     6           8
///     | hardware | protocol | 6   | 4   | operation |
///     |        1 |   0x0800 |     |     |           |
///     8                 14                18                24               28
///     | sender hardware | sender protocol | target hardware | target protocol |
struct ARPPacket: Equatable, Sendable {
  private enum Field {
    static let hardwareType = 0
    static let protocolType = 2
    static let hardwareLength = 4
    static let protocolLength = 5
    static let operation = 6
    static let senderHardware = 8
    static let senderProtocol = 14
    static let targetHardware = 18
    static let targetProtocol = 24
  }

  /// What a packet wants. RFC 826, "Definitions".
  enum Operation: UInt16, Sendable {
    /// Who has the target's protocol address?
    case request = 1
    /// The sender has its protocol address.
    case reply = 2
  }

  /// The packet's size in bytes.
  static let size = 28
  /// ar$hrd of Ethernet.
  private static let ethernet: UInt16 = 1

  var operation: Operation
  var senderHardware: MACAddress
  var senderProtocol: IPv4Address
  var targetHardware: MACAddress
  var targetProtocol: IPv4Address

  init(
    operation: Operation,
    senderHardware: MACAddress,
    senderProtocol: IPv4Address,
    targetHardware: MACAddress,
    targetProtocol: IPv4Address
  ) {
    self.operation = operation
    self.senderHardware = senderHardware
    self.senderProtocol = senderProtocol
    self.targetHardware = targetHardware
    self.targetProtocol = targetProtocol
  }

  /// Reads the packet at the front of `bytes`; what follows is padding.
  init(parsing bytes: RawSpan) throws(DropReason) {
    guard bytes.byteCount >= Self.size else {
      throw DropReason.arpTruncated
    }
    guard
      bytes.bigEndian(at: Field.hardwareType) == Self.ethernet,
      bytes.bigEndian(at: Field.protocolType) == EthernetHeader.EtherType.ipv4,
      bytes.byte(at: Field.hardwareLength) == 6,
      bytes.byte(at: Field.protocolLength) == 4,
      let operation = Operation(rawValue: bytes.bigEndian(at: Field.operation))
    else { throw DropReason.arpMalformed }
    self.operation = operation
    senderHardware = bytes.macAddress(at: Field.senderHardware)
    senderProtocol = bytes.ipv4Address(at: Field.senderProtocol)
    targetHardware = bytes.macAddress(at: Field.targetHardware)
    targetProtocol = bytes.ipv4Address(at: Field.targetProtocol)
  }

  /// Writes the packet to the front of `bytes`.
  func write(to bytes: inout MutableRawSpan) {
    bytes.storeBigEndian(Self.ethernet, at: Field.hardwareType)
    bytes.storeBigEndian(
      EthernetHeader.EtherType.ipv4,
      at: Field.protocolType
    )
    bytes.storeBigEndian(UInt8(6), at: Field.hardwareLength)
    bytes.storeBigEndian(UInt8(4), at: Field.protocolLength)
    bytes.storeBigEndian(operation.rawValue, at: Field.operation)
    bytes.store(senderHardware, at: Field.senderHardware)
    bytes.store(senderProtocol, at: Field.senderProtocol)
    bytes.store(targetHardware, at: Field.targetHardware)
    bytes.store(targetProtocol, at: Field.targetProtocol)
  }
}
