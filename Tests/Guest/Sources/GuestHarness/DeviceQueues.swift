/// The virtqueues of the guest's network device, as QEMU sees them.
public struct DeviceQueues: Sendable {
  private let monitor: QMP
  private let path: String

  /// How far a queue is.
  public struct Status: Decodable, Equatable, Sendable {
    /// Where the driver has put its descriptors; 0 for nowhere.
    public let descriptors: UInt64
    /// The place of the next used entry. On a packed ring it goes round, so it
    /// may be what it was before.
    public let usedIndex: Int

    private enum CodingKeys: String, CodingKey {
      case descriptors = "vring-desc"
      case usedIndex = "used-idx"
    }
  }

  private struct Device: Decodable {
    let path: String
    let name: String
  }

  /// The queues of the only network device.
  ///
  /// - Throws: ``MissingLine`` where there is none, or more than one.
  public init(_ monitor: QMP) async throws {
    self.monitor = monitor
    let devices: [Device] = try await monitor.query("x-query-virtio")
    let networks = devices.filter { $0.name == "virtio-net" }
    guard let device = networks.first, networks.count == 1 else {
      throw MissingLine(description: "not one network device: \(devices)")
    }
    path = device.path
  }

  /// How far queue `index` is: 2 n receives and 2 n + 1 sends. VIRTIO 1.2
  /// §5.1.2.
  public subscript(index: Int) -> Status {
    get async throws {
      try await monitor.query(
        "x-query-virtio-queue-status",
        ["path": "\(path)", "queue": .number(index)]
      )
    }
  }

  /// How far the first `count` queues are.
  public func first(_ count: Int) async throws -> [Status] {
    var all: [Status] = []
    for index in 0..<count { all.append(try await self[index]) }
    return all
  }
}
