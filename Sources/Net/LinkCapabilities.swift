/// What the device below does with what the stack sends. Any of it may be
/// missing, and all of it by default.
public struct LinkCapabilities: Equatable, Sendable {
  /// Whether it completes the checksums of TCP and UDP over IPv4: such a packet
  /// says where, by its `partialChecksum`.
  public var completesChecksums = false
  /// The largest IPv4 packet, headers included, that it cuts into TCP segments
  /// that the link can carry: no more than 65,535 bytes; 0 when it cuts none.
  /// Of no use without checksums and fragments.
  public var largestSegmentation = 0
  /// How many fragments a frame may have behind its first slot.
  public var mostFragments = 0

  /// Nothing: every frame is whole, complete and of one piece.
  public init() {}

  /// Whether it cuts TCP segments.
  var cutsSegments: Bool { largestPayload(behind: 0) > 0 }

  /// What all of these together let a TCP segment's payload be at the most,
  /// behind so many bytes of headers, IP's and TCP's; 0 when nothing is cut.
  func largestPayload(behind headers: Int) -> Int {
    guard completesChecksums, mostFragments > 0 else { return 0 }
    return max(min(largestSegmentation, 65535) - headers, 0)
  }
}
