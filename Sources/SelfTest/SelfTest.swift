import Apus

/// Ends in the way that the command line asks for, so that the tests can see
/// what the machine makes of it:
///
///     ./run-qemu.sh --app SelfTest -- -append selftest=overflow
@main
struct SelfTest: Unikernel {
  func run(_ system: System) async throws(NetworkError) {
    let prefix = "selftest="
    var wanted: [UInt8] = Array(system.commandLine.utf8)
    guard wanted.starts(with: prefix.utf8) else {
      print("selftest: nothing asked for on the command line")
      throw .closed
    }
    wanted.removeFirst(prefix.utf8.count)
    for test in Self.tests where wanted.elementsEqual(test.name.utf8) {
      print("selftest: begins")
      try await test.run(system)
      print("selftest: done")
      return
    }
    print("selftest: no such test")
    throw .closed
  }

  private struct Test {
    let name: String
    let run: (System) async throws(NetworkError) -> Void
  }

  private static var tests: [Test] {
    [
      Test(name: "exit") { _ in },
      Test(name: "error") { _ throws(NetworkError) in throw .refused },
      Test(name: "fatal") { _ in fatalError("as asked") },
      Test(name: "overflow") { _ in Faults.overflow() },
      Test(name: "bounds") { _ in Faults.outOfBounds() },
      Test(name: "pagefault") { _ in Faults.writeToNull() },
      Test(name: "writetext") { _ in Faults.writeToCode() },
      Test(name: "execdata") { _ in Faults.executeData() },
      Test(name: "stack") { _ in Faults.useUpStack() },
      Test(name: "oom") { _ in Faults.useUpMemory() },
      Test(name: "sleep") { await Clocks.check($0) },
      Test(name: "idle") { system in
        await system.sleep(for: .seconds(60 * 60))
      },
    ]
  }
}
