import Net

/// The names under which this machine answers on its links, and what of others'
/// messages about names had no effect.
struct LocalNames {
  /// By interface; `nil` while none is known to be ours.
  private var names: [DNSName?] = []
  /// By reason.
  private var refused = [UInt64](
    repeating: 0,
    count: MulticastDNSError.allCases.count
  )

  /// The name on `interface`.
  func name(on interface: Int) -> DNSName? {
    interface < names.count ? names[interface] : nil
  }

  /// The name on `interface` is `name` from now on.
  ///
  /// - Returns: Whether it was another before.
  mutating func set(_ name: DNSName?, on interface: Int) -> Bool {
    while names.count <= interface { names.append(nil) }
    guard names[interface] != name else { return false }
    names[interface] = name
    return true
  }

  mutating func count(_ error: MulticastDNSError) {
    refused[error.rawValue] += 1
  }

  /// Adds the messages that had no effect.
  func append(to counters: inout [Counter]) {
    for error in MulticastDNSError.allCases {
      counters.append(Counter(error.name, refused[error.rawValue]))
    }
  }
}

extension Network {
  /// The name under which this machine answers on the link of an interface,
  /// such as `apus.local`; `nil` while it looks whether another has it.
  public func localName(on interface: Int = 0) -> DNSName? {
    host.localNames.name(on: interface)
  }
}
