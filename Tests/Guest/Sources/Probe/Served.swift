import ArgumentParser
import Deadlines

/// One who means well, among those who do not: gets a page, again and again,
/// each time on a new connection, which it closes first.
struct Served: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "HTTP: is served time and again; prints how long it took.",
    discussion: "With --requests 1 it prints the page."
  )

  @OptionGroup var service: Service

  @Option(help: "How many times.")
  var requests = 100

  @Option(help: "Goes on for so many seconds instead.")
  var seconds: Int?

  @Option(help: "How many of them may fail.")
  var failures = 0

  @Option(help: "How many of them have to be served.")
  var least = 1

  @Option(help: "How long one may take, in seconds.")
  var patience = 10

  func run() async throws {
    let clock = ContinuousClock()
    var times: [Duration] = []
    var errors: [any Error] = []
    let begin = clock.now
    var tries = 0
    while seconds.map({ clock.now - begin < .seconds($0) })
      ?? (tries < requests)
    {
      tries += 1
      let start = clock.now
      do {
        let page = try await withDeadline(
          .seconds(patience),
          waitingFor: "a page"
        ) {
          try await Page.load("/", host: service.host, port: service.port)
        }
        times.append(clock.now - start)
        if requests == 1 { print(page) }
      } catch {
        errors.append(error)
      }
    }
    times.sort()
    guard errors.count <= failures, times.count >= least,
      let longest = times.last
    else {
      throw ProbeFailure(
        "served \(times.count) of \(tries): \(errors.first.map { "\($0)" } ?? "")"
      )
    }
    print(
      "served: \(times.count) of \(tries), median \(times[times.count / 2]),"
        + " 99 % within \(times[times.count * 99 / 100]), longest \(longest)"
    )
  }
}
