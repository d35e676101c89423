import Packets

/// The buffers that a device receives into, for another device when that one is
/// gone: somebody may hold packets of them still.
public struct ReceiveMemory {
  /// Whether a device may be started with other buffers.
  public enum Use: Sendable {
    /// When others suit it better.
    case ifItFits
    /// No: there is no memory for others. It goes without the features that these
    /// do not allow.
    case always
  }

  let plan: ReceivePlan
  /// Where they come from.
  public let pool: PacketPool
}
