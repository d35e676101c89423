import _Concurrency

/// An app that is the only program of a virtual machine.
///
///     @main
///     struct Echo: Unikernel {
///       func run(_ system: System) async throws(NetworkError) { … }
///     }
///
/// The machine is up and has its network device when ``run(_:)`` is called; its
/// address may still be on the way (``Network/waitUntilBound()``). When `run`
/// returns, the machine ends with exit code 0; when it throws, with 1.
public protocol Unikernel: SendableMetatype {
  /// Makes the app.
  init()

  /// What the app does.
  ///
  /// - Parameter system: The machine it runs on.
  func run(_ system: System) async throws(NetworkError)
}

extension Unikernel {
  /// Starts the app as a task and returns; the kernel calls it once the machine
  /// is up, and then runs the tasks.
  public static func main() {
    guard let host = Host.current else {
      preconditionFailure(
        "an Apus app boots as a virtual machine: start it with run-qemu.sh"
      )
    }
    Task {
      do throws(NetworkError) {
        try await Self().run(System(host: host))
        host.appDidEnd(throwing: nil)
      } catch {
        host.appDidEnd(throwing: error)
      }
    }
  }
}
