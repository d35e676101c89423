import Foundation
import GuestHarness
import Testing

extension Trait where Self == ConditionTrait {
  /// Skips what needs a TAP network where there may be none, and says what to
  /// do; in CI it runs, and fails for the same reason.
  static var whereTAPIsAllowed: Self {
    .enabled("A TAP network is not allowed here: see above.") {
      if ProcessInfo.processInfo.environment["CI"] != nil { return true }
      do {
        try await TAPNetwork.requirePermission()
        return true
      } catch let refusal as NetworkRefused {
        print(refusal)
        return false
      }
    }
  }
}
