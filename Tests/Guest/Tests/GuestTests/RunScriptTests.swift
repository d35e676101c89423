import GuestHarness
import Testing

/// What run-qemu.sh says when it cannot do what it is asked.
@Suite struct RunScriptTests {
  /// Runs the script, which must end by itself. What it may boot has been built:
  /// the limit is for the script.
  private func run(_ arguments: [String]) async throws -> ServiceEnd<Void> {
    try await GuestImages.build()
    return try await withService(
      Repository.runScript.string,
      arguments
    ) { try await $0.output.waitUntilEnd(within: .seconds(60)) }
  }

  @Test("--help prints the usage")
  func help() async throws {
    let end = try await run(["--help"])
    #expect(end.exitCode == 0)
    #expect(end.lines.first?.hasPrefix("usage: ") == true)
    for option in [
      "--app", "--package", "--transport", "--net", "--forward", "--mac",
      "--memory", "--machine", "--accel", "--pcap", "--gdb", "--timeout", "--",
      "--help",
    ] {
      #expect(
        end.lines.contains { $0.hasPrefix("  \(option) ") },
        "\(option)"
      )
    }
  }

  @Test(
    "What it does not know is refused by name, with the usage",
    arguments: [
      ["--nonsense"],
      ["nonsense"],
      ["--transport", "nonsense"],
      ["--net", "nonsense"],
      ["--net", "tap:"],
      ["--forward", "nonsense"],
      ["--forward", "icmp:8080:80"],
      ["--forward", "tcp:0:80"],
      ["--forward", "tcp:8080:65536"],
      ["--forward", "tcp:8080"],
      ["--forward", "tcp:8080:80:"],
      ["--forward", "tcp:8080:80:81"],
      ["--mac", "52:54:00:12:34"],
      ["--mac", "01:00:5e:00:00:01"],
      ["--mac", "00:00:00:00:00:00"],
      ["--memory", "0"],
      ["--memory", "1"],
      ["--memory", "much"],
      ["--machine", "nonsense"],
      ["--transport", "mmio", "--machine", "pc"],
      ["--transport", "mmio-legacy", "--machine", "q35"],
      ["--machine", "microvm", "--transport", "legacy"],
      ["--machine", "microvm", "--transport", "modern"],
      ["--accel", "nonsense"],
      ["--timeout", "-1"],
      ["--timeout", "1.5"],
      ["--package", "/nonexistent"],
    ]
  )
  func badOption(_ arguments: [String]) async throws {
    let end = try await run(arguments)
    let message = end.errorLines.joined(separator: "\n")
    #expect(end.exitCode == 2, "\(message)")
    #expect(message.contains("\(arguments.last!)"), "\(message)")
    #expect(message.contains("usage: "), "\(message)")
    #expect(end.lines.isEmpty, "\(end.lines)")
  }

  @Test(
    "An option without its value is refused",
    arguments: ["--app", "--mac"]
  )
  func missingValue(_ option: String) async throws {
    let end = try await run([option])
    #expect(end.exitCode == 2)
    #expect(end.errorLines.contains { $0.contains(option) })
  }

  @Test(
    "The transport and the machine go together",
    arguments: [
      (["--machine", "microvm"], "microvm", "force-legacy=off"),
      (["--transport", "mmio"], "microvm", "force-legacy=off"),
      (["--transport", "mmio-legacy"], "microvm", "force-legacy=on"),
      (["--machine", "q35"], "q35", "disable-legacy=off,disable-modern=off"),
    ]
  )
  func transports(
    _ arguments: [String],
    _ machine: String,
    _ option: String
  ) async throws {
    let port = try await HostPorts.reserve()
    // A wrong option ends QEMU at once, when the command has been printed.
    let end = try await run(
      arguments + ["--forward", "tcp:\(port):80", "--", "-nonsense"]
    )
    let command = try #require(
      end.errorLines.first { $0.contains(" running: ") }
    )
    #expect(command.contains("-machine \(machine) "), "\(command)")
    #expect(command.contains(option), "\(command)")
  }

  @Test("A busy TCP port is named")
  func busyPort() async throws {
    let port = try await HostPorts.reserve()
    let end = try await HostPorts.withBoundPort(port) {
      try await run(["--forward", "tcp:\(port):80"])
    }
    #expect(end.exitCode == 70)
    #expect(
      end.errorLines.contains {
        $0.contains("tcp port \(port)") && $0.contains("busy")
      },
      "\(end.errorLines)"
    )
  }

  @Test("A TAP interface that is not there is named")
  func missingInterface() async throws {
    let end = try await run(["--net", "tap:apusnone0"])
    #expect(end.exitCode == 70)
    #expect(
      end.errorLines.contains { $0.contains("apusnone0") },
      "\(end.errorLines)"
    )
  }

  @Test("What QEMU refuses is no panic of the guest")
  func emulatorFailure() async throws {
    var options = GuestOptions()
    options.forwards = [
      .init("tcp", from: try await HostPorts.reserve(), to: 80)
    ]
    options.qemuArguments = ["-nonsense"]
    let end = try await runGuest(options)
    #expect(end.exitCode == 70)
    #expect(
      end.errorLines.contains { $0.contains("-nonsense") },
      "\(end.errorLines)"
    )
  }

  @Test("It prints the command and how to quit; SIGTERM ends QEMU too")
  func endedFromOutside() async throws {
    var options = GuestOptions()
    options.forwards = [
      .init("tcp", from: try await HostPorts.reserve(), to: 80)
    ]
    let end = try await withGuest(options) { guest in
      try await guest.output.waitForLine(
        containing: "demo: ready",
        within: DemoServices.readyLimit
      )
      return try #require(try guest.emulator)
    }
    #expect(ProcessState(of: end.result.identifier) == nil)
    #expect(end.exitCode == 143)
    #expect(end.errorLines.contains { $0.contains("qemu-system-x86_64 ") })
    #expect(end.errorLines.contains { $0.contains("quits") })
  }

  @Test("--gdb waits, and prints the command that attaches")
  func debugger() async throws {
    var options = GuestOptions()
    options.waitsForDebugger = true
    options.timeout = 2
    options.forwards = [
      .init("tcp", from: try await HostPorts.reserve(), to: 80)
    ]
    let end = try await runGuest(options)
    #expect(end.exitCode == 124)
    #expect(end.lines.isEmpty, "\(end.lines)")
    #expect(
      end.errorLines.contains {
        $0.contains("gdb -ex ") && $0.contains("remote")
          && $0.hasSuffix("/Demo")
      },
      "\(end.errorLines)"
    )
  }
}
