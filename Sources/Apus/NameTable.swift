import Net

/// What a host knows of names, and what it is asking for.
///
/// Of one name there is never more than one question under way: tasks that want
/// to know the same wait for the same answer. To ask twice would double the
/// chance of who guesses at the answer. RFC 5452 §4.3.
struct NameTable {
  /// What came of a question.
  typealias Outcome = Result<DNSAnswer, ResolveError>

  /// How a task gets to know about a name.
  enum Entry {
    /// It is known.
    case known(DNSAnswer)
    /// Ask, and tell ``finish(_:_:at:)``.
    case ask(UInt32)
    /// Another task asks: wait for it, and look with ``take(_:)``.
    case join(UInt32)
    /// There are as many questions as may be.
    case full
  }

  private struct Question {
    let number: UInt32
    let name: DNSName
    var waiting = 0
    var outcome: Outcome?
  }

  let limits: DNSLimits
  private var cache: DNSCache
  /// Whose answers are in the cache.
  private var servers: [IPAddress] = []
  private var questions: [Question] = []
  private var nextNumber: UInt32 = 0
  /// Responses that were refused, by reason.
  private var refused = [UInt64](repeating: 0, count: DNSError.allCases.count)

  init(limits: DNSLimits = DNSLimits()) {
    self.limits = limits
    cache = DNSCache(limits: limits)
  }

  /// What to do for a task that asks about `name` and would ask `servers`.
  mutating func begin(
    _ name: DNSName,
    servers: [IPAddress],
    at now: Instant
  ) -> Entry {
    if servers != self.servers {
      // Another network may have other names.
      self.servers = servers
      cache.removeAll()
    }
    if let answer = cache.find(name, at: now) { return .known(answer) }
    for index in questions.indices
    where questions[index].name == name && questions[index].outcome == nil {
      questions[index].waiting += 1
      return .join(questions[index].number)
    }
    guard questions.count < limits.questions else { return .full }
    nextNumber &+= 1
    questions.append(Question(number: nextNumber, name: name))
    return .ask(nextNumber)
  }

  /// Keeps what came of a question, for those that wait and for later.
  mutating func finish(_ number: UInt32, _ outcome: Outcome, at now: Instant) {
    guard let index = index(of: number) else { return }
    if case .success(let answer) = outcome {
      cache.insert(answer, for: questions[index].name, at: now)
    }
    questions[index].outcome = outcome
    if questions[index].waiting == 0 { questions.remove(at: index) }
  }

  /// What came of a question that another task asks; `nil`: nothing yet. Who
  /// was told waits no longer.
  mutating func take(_ number: UInt32) -> Outcome? {
    guard let index = index(of: number),
      let outcome = questions[index].outcome
    else { return nil }
    leave(number)
    return outcome
  }

  /// A task waits no longer.
  mutating func leave(_ number: UInt32) {
    guard let index = index(of: number) else { return }
    questions[index].waiting -= 1
    guard questions[index].waiting == 0, questions[index].outcome != nil
    else { return }
    questions.remove(at: index)
  }

  /// How many questions are under way, or not yet told to all that wait.
  var questionCount: Int { questions.count }

  private func index(of number: UInt32) -> Int? {
    questions.firstIndex { $0.number == number }
  }

  // MARK: Counting

  mutating func count(_ error: DNSError) { refused[error.rawValue] += 1 }

  /// Adds the responses that were refused.
  func append(to counters: inout [Counter]) {
    for error in DNSError.allCases {
      counters.append(Counter(error.name, refused[error.rawValue]))
    }
  }
}
