import Packets

/// Bytes that a peer sent, in the very memory that the device wrote them to.
///
/// The value owns that memory; its end gives it back to the device. An app that
/// keeps many for long keeps them from the network: copy what must last.
public struct ReceivedBytes: ~Copyable, Sendable {
  let packet: PacketBuffer

  /// How many there are, at least one.
  public var count: Int { packet.count }

  /// The bytes.
  public var bytes: RawSpan {
    @_lifetime(borrow self)
    get { packet.bytes }
  }

  /// The byte at `index`, from 0.
  ///
  /// - Precondition: `index` is less than ``count``.
  public subscript(index: Int) -> UInt8 { packet.bytes.byte(at: index) }
}
