/// How fast a link is. VIRTIO 1.2 §5.1.4.
public struct LinkSpeed: Equatable, Sendable {
  /// In megabits a second; `nil`: not known.
  public let megabits: UInt32?
  /// Whether both sides may send at once; `nil`: not known.
  public let isFullDuplex: Bool?
}
