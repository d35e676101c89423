/// Something that is counted since the machine started.
public struct Counter: Sendable {
  /// What is counted.
  public let name: StaticString
  /// How often it happened.
  public let value: UInt64
  /// Of which network interface, from 0 on.
  public let interface: Int
  /// On which pair of its queues, from 0 on; `nil`: on all of them together.
  public let pair: Int?

  /// `value` happenings of `name`.
  public init(
    _ name: StaticString,
    _ value: UInt64,
    interface: Int = 0,
    pair: Int? = nil
  ) {
    self.name = name
    self.value = value
    self.interface = interface
    self.pair = pair
  }
}
