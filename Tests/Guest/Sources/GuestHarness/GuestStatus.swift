import Foundation

/// What `/status.json` of Demo says.
public struct GuestStatus: Sendable {
  /// The connections that there are, that of the question among them.
  public let connectionCount: Int
  /// The counters by their names, those that are zero among them.
  public let counters: [String: Int]

  /// Reads JSON.
  ///
  /// - Throws: ``NoStatus`` when it is not that of a status.
  public init(json: String) throws {
    guard
      let object = try JSONSerialization.jsonObject(with: Data(json.utf8))
        as? [String: Any],
      let count = object["connectionCount"] as? Int,
      let counters = object["counters"] as? [String: Int]
    else { throw NoStatus(description: "no status: \(json)") }
    connectionCount = count
    self.counters = counters
  }

  /// A counter's value.
  ///
  /// - Throws: ``NoStatus`` when there is no such counter.
  public func counter(_ name: String) throws -> Int {
    guard let value = counters[name] else {
      throw NoStatus(description: "there is no counter '\(name)'")
    }
    return value
  }
}

/// The guest says something else than was expected.
public struct NoStatus: Error, CustomStringConvertible {
  /// What it says.
  public let description: String
}
