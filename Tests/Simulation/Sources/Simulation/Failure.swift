/// What went against the rules, in words.
package struct Failure: Error, CustomStringConvertible {
  /// The rule, and what was seen.
  package let description: String

  /// A failure with these words.
  package init(_ description: String) { self.description = description }
}

/// Fails with `what` unless `holds`.
func require(
  _ holds: Bool,
  _ what: @autoclosure () -> String
) throws(Failure) {
  if !holds { throw Failure(what()) }
}
