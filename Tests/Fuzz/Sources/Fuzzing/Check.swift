/// Ends the fuzzer with what is wrong, when `condition` does not hold; also in a
/// release build, where a precondition would not say its name.
public func check(_ condition: Bool, _ text: @autoclosure () -> String) {
  guard condition else { fatalError(text()) }
}
