/// Which entries of its MSI-X table a device is to use, as many as it was given
/// of the three shapes there are. VIRTIO 1.2 §4.1.5.1.2.
public struct InterruptVectors: Hashable, Sendable {
  /// For changes of the configuration.
  public let configuration: UInt16
  /// For the first queue.
  private let firstQueue: UInt16
  /// Whether each queue has a vector of its own.
  public let isPerQueue: Bool
  /// The queues that there are vectors for.
  let queueCount: UInt16

  /// One for the configuration, and one for each of `count` queues from `first`
  /// on. The control queue needs none.
  public static func perQueue(
    configuration: UInt16,
    first: UInt16,
    count: UInt16 = 2
  ) -> InterruptVectors {
    InterruptVectors(
      configuration: configuration,
      firstQueue: first,
      isPerQueue: true,
      queueCount: count
    )
  }

  /// One for the configuration and one for all queues; both may be the same.
  public static func shared(
    configuration: UInt16,
    queues: UInt16
  ) -> InterruptVectors {
    InterruptVectors(
      configuration: configuration,
      firstQueue: queues,
      isPerQueue: false,
      queueCount: .max
    )
  }

  /// The entry for queue `index`.
  public func queue(_ index: UInt16) -> UInt16 {
    isPerQueue ? firstQueue + index : firstQueue
  }
}
