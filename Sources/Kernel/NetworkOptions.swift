import Net
import Virtio

/// What the kernel command line says of the network:
///
///     net.queues=PAIRS   pairs of queues to use, 1 to 16
///     net.vlan=NUMBER    the virtual LAN of the first interface, 1 to 4094
///     net.hashes=1       devices report the hash of what they receive
///     net.trace=1        the console has a line for each packet
///     net.hostname=NAME  what the machine is called, instead of apus
///     net.ntp=ADDRESSES  one to three servers to ask for the time
///
/// and of the addresses of each interface, ``AddressOptions``.
struct NetworkOptions: Equatable {
  /// How many pairs of queues a device is to use, if it has as many.
  private(set) var queuePairs = 1
  /// The virtual LAN of the first interface.
  private(set) var vlan: VLANTag?
  /// Whether devices are to report hashes: nothing here goes by them, they are
  /// checked and counted.
  private(set) var reportsHashes = false
  /// Whether each packet is told of on the console.
  private(set) var tracesPackets = false
  /// What the machine is called: a label of letters, digits and hyphens.
  private(set) var hostName = Array("apus".utf8)
  /// Who is asked for the time, instead of those that leases name.
  private(set) var timeServers: [IPv4Address] = []
  /// What was not understood, a line each.
  private(set) var problems: [String] = []
  /// By the interface's number, as far as something was said.
  private var addresses: [AddressOptions] = []

  /// One core has no use for more; each takes memory and interrupt vectors.
  private static var mostQueuePairs: Int { 16 }

  /// Looks through the words of `text`.
  init(_ text: String) {
    for word in Array(text.utf8).split(separator: 0x20) {
      if let option = NetworkOption(Array(word)) { take(option) }
    }
    for number in addresses.indices {
      while let (name, reason) = addresses[number].check() {
        refuse(Self.name(number) + "." + name, reason)
      }
    }
  }

  /// What is said of the addresses of interface `number`.
  func addresses(of number: Int) -> AddressOptions {
    number < addresses.count ? addresses[number] : AddressOptions()
  }

  /// An interface's name on the console and before its options.
  static func name(_ number: Int) -> String {
    number == 0 ? "net" : "net\(number)"
  }

  private mutating func take(_ option: NetworkOption) {
    guard let (name, value) = option.assignment,
      option.interface == 0 || NetworkOption.Name.ofInterface.contains(name)
    else {
      let names =
        option.interface == 0
        ? NetworkOption.Name.allCases : NetworkOption.Name.ofInterface
      return refuse(
        option.text,
        "is none of " + Self.list(names, of: option.interface)
      )
    }
    let number = option.interface
    while addresses.count <= number { addresses.append(AddressOptions()) }
    let problem =
      switch name {
      case .queues: takeQueues(value)
      case .vlan: takeVLAN(value)
      case .hashes: Self.take(value, for: &reportsHashes)
      case .trace: Self.take(value, for: &tracesPackets)
      case .hostname: takeHostName(value)
      case .ntp: AddressOptions.takeServers(value, for: &timeServers)
      case .address: addresses[number].takeAddress(value)
      case .gateway: addresses[number].takeGateway(value)
      case .dns: addresses[number].takeNameServers(value)
      case .route: addresses[number].takeRoute(value)
      case .remembered: addresses[number].takeRemembered(value)
      }
    if let problem { refuse(option.text, problem) }
  }

  // Each returns why the value is not taken, for a sentence that begins with
  // "it", and `nil` when it is.

  private mutating func takeQueues(_ value: String) -> String? {
    guard let pairs = Int(value), 1...Self.mostQueuePairs ~= pairs else {
      return "takes 1 to \(Self.mostQueuePairs) pairs"
    }
    queuePairs = pairs
    return nil
  }

  private mutating func takeVLAN(_ value: String) -> String? {
    vlan = UInt16(value).flatMap { VLANTag($0) }
    return vlan == nil ? "takes 1 to 4094" : nil
  }

  /// RFC 1123 §2.1: letters, digits and hyphens, the latter neither first nor
  /// last; a label has 63 bytes at the most (RFC 1035 §2.3.4).
  private mutating func takeHostName(_ value: String) -> String? {
    let name = Array(value.utf8)
    let hyphen = UInt8(ascii: "-")
    let isName =
      1...63 ~= name.count && name.first != hyphen && name.last != hyphen
      && name.allSatisfy { $0 == hyphen || Self.isLetterOrDigit($0) }
    guard isName else {
      return "takes 1 to 63 letters, digits and hyphens, such as web-1"
    }
    hostName = name
    return nil
  }

  private static func isLetterOrDigit(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"),
      UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"):
      true
    default:
      false
    }
  }

  private static func take(_ value: String, for flag: inout Bool) -> String? {
    guard let number = Int(value), 0...1 ~= number else {
      return "takes 0 or 1"
    }
    flag = number == 1
    return nil
  }

  private mutating func refuse(_ text: String, _ reason: String) {
    problems.append("net: \(text) is ignored: it \(reason)")
  }

  /// Such as `net1.address=, net1.gateway= and net1.dns=`.
  private static func list(
    _ names: [NetworkOption.Name],
    of number: Int
  ) -> String {
    var text = ""
    for (index, name) in names.enumerated() {
      if index > 0 { text += index == names.count - 1 ? " and " : ", " }
      text += "\(Self.name(number)).\(name.text)="
    }
    return text
  }
}
