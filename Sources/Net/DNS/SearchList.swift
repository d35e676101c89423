import Packets

/// The domains that a short name is looked for in. RFC 1535 §6 asks for care:
/// a name with a dot in it is first taken as it is.
public struct SearchList: Hashable, Sendable {
  /// As many as resolvers have long taken.
  static let limit = 6

  /// The domains, in the order in which they are tried.
  public private(set) var domains: [DNSName]

  /// A list of `domains`; more than six are not kept.
  public init(_ domains: [DNSName] = []) {
    self.domains = Array(domains.prefix(Self.limit))
  }

  /// The names to ask for, one after the other, when somebody asks for `text`;
  /// `nil` when that is no name.
  ///
  /// A dot at the end says that the name is whole. A name below "local" has
  /// none, for it is never to be asked of servers (RFC 6762 §3), and its owner
  /// is not to be found in another domain; nor has a name any in a domain there.
  public func candidates(for text: String) -> [DNSName]? {
    guard let name = DNSName(text) else { return nil }
    guard !name.isLocal else { return [] }
    guard Array(text.utf8).last != 0x2E else { return [name] }
    let longer = domains.filter { !$0.isLocal }.compactMap { name.below($0) }
    return name.labelCount > 1 ? [name] + longer : longer + [name]
  }

  /// Reads the value of DHCP's option 119, in which names are written one after
  /// the other and point back at each other. RFC 3397 §2.
  init(parsing value: RawSpan) throws(DNSError) {
    var domains: [DNSName] = []
    var offset = 0
    while offset < value.byteCount {
      let name = try DNSName(parsing: value, at: &offset)
      guard name != .root, domains.count < Self.limit else { continue }
      domains.append(name)
    }
    self.domains = domains
  }
}
