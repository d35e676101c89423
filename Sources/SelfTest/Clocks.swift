import Apus

/// Sleeping takes as long as it should by the machine's own clock, and the
/// shorter of two sleeps ends first.
enum Clocks {
  static func check(_ system: System) async {
    let start = system.uptime
    async let long = system.sleep(for: .milliseconds(200))
    async let short = system.sleep(for: .milliseconds(50))
    let shortCompleted = await short
    let afterShort = system.uptime - start
    let longCompleted = await long
    let afterLong = system.uptime - start
    precondition(shortCompleted && longCompleted)
    precondition(afterShort >= .milliseconds(50))
    precondition(afterShort < .milliseconds(200))
    precondition(afterLong >= .milliseconds(200))
  }
}
