import Deadlines

/// Boots a guest, runs `body`, and ends the guest.
///
/// - Parameters:
///   - options: How it is booted.
///   - network: Where run-qemu.sh runs; `nil` for here.
///   - body: What is done with it; its service's output is the guest's console.
/// - Throws: ``ServiceFailure`` with what `body` throws and the console.
public func withGuest<Result: Sendable>(
  _ options: GuestOptions,
  in network: NetworkNamespace? = nil,
  body: (Service) async throws -> Result
) async throws -> ServiceEnd<Result> {
  try await GuestImages.build()
  return try await GuestSlots.shared.withSlot {
    try await withService(
      Repository.runScript.string,
      options.arguments,
      in: network,
      body: body
    )
  }
}

/// Runs `body`, in which guests are booted one after the other, without waiting
/// for its turn again in between.
func withGuestTurn<Result: Sendable>(
  _ body: () async throws -> Result
) async throws -> Result {
  try await GuestImages.build()
  return try await GuestSlots.shared.withSlot {
    try await GuestSlots.$isTaken.withValue(true) { try await body() }
  }
}

/// Boots a guest and waits until it ends by itself.
public func runGuest(
  _ options: GuestOptions,
  within limit: Duration = .seconds(60)
) async throws -> ServiceEnd<Void> {
  try await withGuest(options) { guest in
    try await guest.output.waitUntilEnd(within: limit)
  }
}

/// What the tests boot.
public enum GuestImages {
  private static let arguments: [[String]] = [
    ["--product", "Demo"],
    ["--product", "SelfTest"],
    ["--product", "Errand"],
    [
      "--package", Repository.root.appending("Examples/Echo").string,
      "--product", "Echo",
    ],
  ]

  private static let building = Task {
    for arguments in arguments {
      try await runCommand(
        Repository.buildScript.string,
        arguments,
        within: .seconds(600)
      )
    }
  }

  /// Builds them, once a run and before the first guest: run-qemu.sh builds too,
  /// but of builds at the same time one waits for the other, and that would
  /// count against the guest's deadlines.
  public static func build() async throws { try await building.value }
}

/// As many guests at once as two cores can serve.
private actor GuestSlots {
  static let shared = GuestSlots()

  /// Whether the task has a slot already.
  @TaskLocal static var isTaken = false

  private var free = 2
  private var waiting: [CheckedContinuation<Void, Never>] = []

  nonisolated func withSlot<Result: Sendable>(
    _ body: () async throws -> Result
  ) async throws -> Result {
    if Self.isTaken { return try await body() }
    await take()
    do {
      let result = try await body()
      await giveBack()
      return result
    } catch {
      await giveBack()
      throw error
    }
  }

  private func take() async {
    if free > 0 {
      free -= 1
    } else {
      await withCheckedContinuation { waiting.append($0) }
    }
  }

  private func giveBack() {
    if waiting.isEmpty {
      free += 1
    } else {
      waiting.removeFirst().resume()
    }
  }
}
