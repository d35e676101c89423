/// A word of the kernel command line that is about a network: `net.NAME=VALUE`
/// for the first or for all, `net1.NAME=VALUE` for the next.
struct NetworkOption {
  /// The options there are.
  enum Name: CaseIterable {
    case queues, vlan, hashes, trace, hostname, ntp
    case address, gateway, dns, route, remembered

    /// Those that each interface has.
    static var ofInterface: [Name] {
      [.address, .gateway, .dns, .route, .remembered]
    }

    /// What stands between the dot and the sign.
    var text: String {
      switch self {
      case .queues: "queues"
      case .vlan: "vlan"
      case .hashes: "hashes"
      case .trace: "trace"
      case .hostname: "hostname"
      case .ntp: "ntp"
      case .address: "address"
      case .gateway: "gateway"
      case .dns: "dns"
      case .route: "route"
      case .remembered: "remembered"
      }
    }

    /// The option that `text` is the name of.
    init?(_ text: ArraySlice<UInt8>) {
      // Texts are compared by their bytes: as strings they would need tables.
      let found = Self.allCases.first { text.elementsEqual($0.text.utf8) }
      guard let found else { return nil }
      self = found
    }
  }

  /// The most interfaces that there are options for.
  private static var mostInterfaces: Int { 32 }

  /// The whole word.
  let text: String
  let interface: Int
  /// Which it is, and its value; `nil` when it is none.
  let assignment: (name: Name, value: String)?

  /// `nil` when `word` is about something else.
  init?(_ word: [UInt8]) {
    guard let dot = word.firstIndex(of: UInt8(ascii: ".")),
      let number = Self.number(ofInterface: word[..<dot])
    else { return nil }
    text = String(decoding: word, as: UTF8.self)
    interface = number
    let rest = word[(dot + 1)...]
    guard let sign = rest.firstIndex(of: UInt8(ascii: "=")),
      let name = Name(rest[..<sign])
    else {
      assignment = nil
      return
    }
    let value = String(decoding: rest[(sign + 1)...], as: UTF8.self)
    assignment = (name, value)
  }

  /// The number of an interface by its name; the first has none.
  private static func number(ofInterface name: ArraySlice<UInt8>) -> Int? {
    let prefix = Array("net".utf8)
    guard name.starts(with: prefix) else { return nil }
    let digits = name.dropFirst(prefix.count)
    guard let first = digits.first else { return 0 }
    guard UInt8(ascii: "1")...UInt8(ascii: "9") ~= first,
      let number = Int(String(decoding: digits, as: UTF8.self)),
      number < mostInterfaces
    else { return nil }
    return number
  }
}
