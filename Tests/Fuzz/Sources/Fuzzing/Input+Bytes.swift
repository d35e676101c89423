extension Input {
  /// The next `count` bytes.
  public func bytes(_ count: Int) -> [UInt8] {
    (0..<count).map { _ in byte() }
  }
}
