import PCI

/// The ways in which a PCI device may interrupt, best first. Each is tried
/// because the device refused the one before (`noVector`), or because its table
/// is too small for it. VIRTIO 1.2 §4.1.5.1.2.
///
///     MSI-X, a vector a queue and one for the configuration
///     MSI-X, one vector for all queues and one for the configuration
///     the interrupt line
public struct InterruptSteps<Host: PCIHost> {
  /// A way to interrupt.
  public enum Step: Hashable, Sendable {
    /// By the first `count` entries of its MSI-X table, which is on.
    case messages(InterruptVectors, count: Int)
    /// By the line that the firmware has routed to this number.
    case line(UInt8)
  }

  private let msix: MSIX<Host>?
  private let line: UInt8?
  private let queueCount: Int
  private var next = 0

  /// The ways for a device with `queueCount` queues that interrupt.
  public init(
    _ host: Host,
    _ entry: AddressAssignment.Entry,
    queueCount: Int
  ) {
    msix = MSIX(host, entry)
    // PCI 3.0 §6.2.4: a function without a pin has no line; 255 is none.
    let function = entry.function
    line =
      function.interruptPin != 0 && function.interruptLine != 255
      ? function.interruptLine : nil
    self.queueCount = queueCount
  }

  /// Whether the next way may be one by messages.
  public var canBeMessages: Bool { next < 2 && vectorCount >= 2 }

  /// Leaves out the way by a vector a queue: there are not so many.
  public mutating func skipVectorAQueue() { next = max(next, 1) }

  /// Leaves out the ways by messages: there are none to give to the device.
  public mutating func skipMessages() { next = max(next, 2) }

  /// The vectors that the device's table has; 0 without MSI-X.
  public var vectorCount: Int { msix?.vectorCount ?? 0 }

  /// The next way, for which the device has been set up; `nil` when there is
  /// none left.
  ///
  /// - Parameter message: The address and the value that the device writes for
  ///   an entry of its table.
  public mutating func nextStep(
    _ message: (Int) -> (address: UInt64, data: UInt32)
  ) -> Step? {
    while next < 3 {
      defer { next += 1 }
      switch next {
      case 0 where vectorCount > queueCount:
        enable(queueCount + 1, message)
        return .messages(
          .perQueue(
            configuration: 0,
            first: 1,
            count: UInt16(queueCount)
          ),
          count: queueCount + 1
        )
      case 1 where vectorCount >= 2:
        enable(2, message)
        return .messages(.shared(configuration: 0, queues: 1), count: 2)
      case 2:
        msix?.disable()
        if let line { return .line(line) }
      default: break
      }
    }
    return nil
  }

  private func enable(
    _ count: Int,
    _ message: (Int) -> (address: UInt64, data: UInt32)
  ) {
    guard let msix else { return }
    msix.enable()
    for vector in 0..<count {
      let (address, data) = message(vector)
      msix.setVector(vector, address: address, data: data)
    }
  }
}
