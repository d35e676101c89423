import ArgumentParser
import Deadlines

/// Asks a guest that runs Errand for something, and prints what it answers.
struct Errand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Errand: asks the guest for something and prints its answer."
  )

  @OptionGroup var service: Service

  @Argument(help: "What the guest is to do, such as: resolve example.com")
  var line: String

  func run() async throws {
    let answers = try await withDeadline(
      service.limit,
      waitingFor: "the answer to '\(line)'"
    ) {
      try await ErrandClient.with(line, of: service) { client in
        var answers: [String] = []
        while let answer = try await client.next() { answers.append(answer) }
        return answers
      }
    }
    for answer in answers { print(answer) }
  }
}
