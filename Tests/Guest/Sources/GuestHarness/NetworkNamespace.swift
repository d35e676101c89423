import Glibc
import Deadlines
import Subprocess

/// A network of its own on this machine: nothing outside sees it, and it needs
/// no root where unprivileged user namespaces are allowed.
public struct NetworkNamespace: Sendable {
  /// What to put before a command so that it runs inside.
  let prefix: [String]

  /// A process that is inside, by which others find it.
  let holder: Int32
}

/// This machine does not let us have a network of our own.
public struct NetworkRefused: Error, CustomStringConvertible {
  /// Why, and what to do.
  public let description: String
}

/// Makes a network namespace, which ends with `body`.
///
/// - Parameters:
///   - other: One whose interfaces may be moved to this one; `nil`: none.
///   - body: What is done with it.
/// - Throws: ``NetworkRefused`` where there may be none, and what `body`
///   throws.
public func withNetworkNamespace<Result: Sendable>(
  beside other: NetworkNamespace? = nil,
  _ body: (NetworkNamespace) async throws -> Result
) async throws -> Result {
  let isRoot = geteuid() == 0
  // Beside another one, we are root in its user namespace.
  let needsUser = !isRoot && other == nil
  // Says when it is inside, and holds the namespace until its input is closed,
  // even if by our death.
  let command =
    (other?.prefix ?? []) + ["unshare"]
    + (needsUser ? ["--user", "--map-root-user"] : [])
    + ["--net", "sh", "-c", "echo inside && exec cat"]
  let outcome = try await run(
    Configuration(command: command),
    input: .inputWriter,
    output: .sequence,
    error: .string(limit: 1 << 16)
  ) { holder -> Result? in
    let isInside = try await withDeadline(
      .seconds(10),
      waitingFor: "unshare"
    ) {
      for try await _ in holder.standardOutput { return true }
      return false
    }
    guard isInside else { return nil }
    let process = holder.processIdentifier.value
    let enter =
      ["nsenter", "--target", "\(process)"]
      + (isRoot ? [] : ["--user", "--preserve-credentials"])
      + ["--net", "--"]
    return try await body(NetworkNamespace(prefix: enter, holder: process))
  }
  guard let result = outcome.takeClosureResult() else {
    throw NetworkRefused(
      description: """
        \(command.joined(separator: " ")): \(outcome.standardError)
        The TAP tests need a network namespace. \(
          isRoot
            ? "Give this container CAP_SYS_ADMIN (docker run --privileged)."
            : """
              Run them as root, or allow unprivileged user namespaces:
                sudo sysctl kernel.unprivileged_userns_clone=1
                sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0
                sudo sysctl user.max_user_namespaces=10000
              (each where it exists).
              """
        )
        """
    )
  }
  return result
}
