/// What QEMU's network device lets through to the guest: what it was told by the
/// control queue. VIRTIO 1.2 §5.1.6.5.1 to §5.1.6.5.3.
///
/// Broadcasts are left out: QEMU before 8.0 says of them the contrary of what it
/// does.
public struct ReceiveFilter: Decodable, Equatable, Sendable {
  /// Which frames of a kind are let through.
  public enum Frames: String, Decodable, Sendable {
    case all
    case none
    /// Those that the table says.
    case normal
  }

  /// QEMU's name of the network device.
  public let name: String
  /// Whether all frames are let through.
  public let isPromiscuous: Bool
  /// Frames to one interface, beside ``ownAddress``.
  public let unicast: Frames
  /// Frames to a group.
  public let multicast: Frames
  /// Tagged frames.
  public let tagged: Frames
  /// The address that the device goes by.
  public let ownAddress: String
  /// Other interfaces' addresses that are let through.
  public let unicastTable: [String]
  /// The groups' addresses that are.
  public let multicastTable: [String]
  /// The virtual LANs that are.
  public let virtualNetworks: [Int]

  private enum CodingKeys: String, CodingKey {
    case name
    case isPromiscuous = "promiscuous"
    case unicast
    case multicast
    case tagged = "vlan"
    case ownAddress = "main-mac"
    case unicastTable = "unicast-table"
    case multicastTable = "multicast-table"
    case virtualNetworks = "vlan-table"
  }
}

extension QMP {
  /// What the guest's network device lets through.
  ///
  /// - Throws: ``MissingLine`` where there is none, or more than one.
  public func receiveFilter() async throws -> ReceiveFilter {
    let filters: [ReceiveFilter] = try await query("query-rx-filter")
    guard let filter = filters.first, filters.count == 1 else {
      throw MissingLine(description: "not one network device: \(filters)")
    }
    return filter
  }

  /// What the network device that QEMU calls `name` lets through.
  public func receiveFilter(of name: String) async throws -> ReceiveFilter {
    let filters: [ReceiveFilter] = try await query(
      "query-rx-filter",
      ["name": "\(name)"]
    )
    guard let filter = filters.first else {
      throw MissingLine(description: "no network device \(name)")
    }
    return filter
  }
}
