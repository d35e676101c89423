/// What Demo's status page says: the rows of its tables.
public struct StatusPage: Sendable {
  /// Each row's value by its name.
  public let rows: [String: String]

  /// Reads the page from its HTML.
  public init(html: String) {
    let found = html.matches(
      of: #/<tr><th>(?<name>[^<]*)</th><td>(?<value>[^<]*)</td></tr>/#
    )
    rows = Dictionary(
      found.map { (String($0.name), String($0.value)) },
      uniquingKeysWith: { first, _ in first }
    )
  }

  /// A row's value.
  public subscript(name: String) -> String? { rows[name] }

  /// A counter's value; the page leaves out those that are 0.
  public func counter(_ name: String) -> Int {
    rows[name].flatMap { Int($0) } ?? 0
  }

  /// The features that driver and device agreed on.
  public var features: Set<String> {
    Set(
      (rows["negotiated features"] ?? "").split(separator: " ").map(String.init)
    )
  }

  /// The rows that count something, in the order of their names.
  public var counters: [(name: String, value: Int)] {
    rows.compactMap { name, value in Int(value).map { (name, $0) } }
      .sorted { $0.name < $1.name }
  }
}
