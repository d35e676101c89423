import GuestHarness
import Testing

/// How a machine ends: the exit code, and what a panic says.
@Suite struct EndTests {
  /// Boots SelfTest and waits for its end.
  private func runSelfTest(
    _ name: String,
    timeout: Int = 60
  ) async throws -> ServiceEnd<Void> {
    var options = GuestOptions()
    options.app = "SelfTest"
    options.timeout = timeout
    options.forwards = [
      .init("tcp", from: try await HostPorts.reserve(), to: 80)
    ]
    options.qemuArguments = ["-append", "selftest=\(name)"]
    return try await runGuest(options, within: .seconds(timeout + 30))
  }

  @Test("An orderly end is 0", arguments: ["exit", "sleep"])
  func orderlyEnd(_ name: String) async throws {
    let end = try await runSelfTest(name)
    #expect(end.exitCode == 0, "\(end.lines)")
    #expect(end.lines.contains("selftest: done"), "\(end.lines)")
  }

  @Test("An app that throws ends with 1, and the console says what it threw")
  func error() async throws {
    let end = try await runSelfTest("error")
    #expect(end.exitCode == 1, "\(end.lines)")
    #expect(end.lines.contains { $0.contains("refused") }, "\(end.lines)")
  }

  @Test("--timeout ends what does not end, with 124")
  func timeout() async throws {
    let end = try await runSelfTest("idle", timeout: 3)
    #expect(end.exitCode == 124)
    #expect(end.lines.contains("selftest: begins"), "\(end.lines)")
  }

  /// A way to fail, and what the machine must say of it.
  struct Failure: Sendable, CustomTestStringConvertible {
    let name: String
    let says: [String]
    let function: String
    var file = "Faults.swift"

    var testDescription: String { name }
  }

  private static let failedCheck = ["panic: ", "Swift runtime failure"]

  static let failures = [
    Failure(
      name: "fatal",
      says: failedCheck,
      function: "SelfTest",
      file: "SelfTest.swift"
    ),
    Failure(name: "overflow", says: failedCheck, function: "overflow"),
    Failure(name: "bounds", says: failedCheck, function: "outOfBounds"),
    Failure(
      name: "pagefault",
      says: [
        "panic: page fault writing to 0x0000000000000008: a null pointer"
      ],
      function: "writeToNull"
    ),
    Failure(
      name: "writetext",
      says: ["panic: page fault writing to 0x", "the page does not allow it"],
      function: "writeToCode"
    ),
    Failure(
      name: "execdata",
      says: [
        "panic: page fault fetching an instruction from 0x",
        "the page does not allow it",
      ],
      function: "executeData"
    ),
    Failure(
      name: "stack",
      says: ["panic: page fault writing to 0x", "the stack is used up"],
      function: "recurse"
    ),
    Failure(
      name: "oom",
      says: ["panic: ", "out of memory"],
      function: "useUpMemory"
    ),
  ]

  @Test("A panic ends with 1 and says what and where", arguments: failures)
  func panic(_ failure: Failure) async throws {
    let end = try await runSelfTest(failure.name)
    let console = end.lines.joined(separator: "\n")
    #expect(end.exitCode == 1, "\(console)")
    #expect(!end.lines.contains("selftest: done"), "\(console)")
    let panic = try #require(
      end.lines.first { $0.hasPrefix("panic: ") },
      "\(console)"
    )
    for text in failure.says {
      #expect(panic.contains(text), "\(console)")
    }
    // `  at 0x… function file:line`, or what that is inlined into.
    let stack = end.lines.filter {
      $0.hasPrefix("  at 0x") || $0.hasPrefix("       inlined into ")
    }
    #expect(
      stack.contains { line in
        guard line.contains(failure.function),
          let place = line.firstMatch(of: #/(?<file>\w+\.swift):(?<line>\d+)$/#)
        else { return false }
        return place.file == failure.file && place.line != "0"
      },
      "\(console)"
    )
  }
}
