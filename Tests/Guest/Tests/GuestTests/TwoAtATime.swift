/// Runs `body` for each of `items`, two at a time, as many guests as two cores
/// can serve: what each needs is made only when its turn has come.
///
/// - Returns: What came of each, in the order of the items.
func twoAtATime<Item: Sendable, Outcome: Sendable>(
  _ items: [Item],
  body: @escaping @Sendable (Item) async throws -> Outcome
) async -> [Result<Outcome, any Error>] {
  await withTaskGroup(of: (Int, Result<Outcome, any Error>).self) { group in
    var outcomes: [Int: Result<Outcome, any Error>] = [:]
    for (index, item) in items.enumerated() {
      if index >= 2, let (index, outcome) = await group.next() {
        outcomes[index] = outcome
      }
      group.addTask {
        do {
          return (index, .success(try await body(item)))
        } catch {
          return (index, .failure(error))
        }
      }
    }
    for await (index, outcome) in group { outcomes[index] = outcome }
    return items.indices.compactMap { outcomes[$0] }
  }
}
