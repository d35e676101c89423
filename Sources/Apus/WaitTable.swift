import Net
import _Concurrency

/// What a task can wait for.
enum WaitEvent: Hashable {
  /// Nothing but the deadline.
  case time
  /// An address.
  case bound
  /// The link to go or to come.
  case link
  /// An answer of the DNS, or of a time server, that another task asked for.
  case answer
  /// A connection to accept.
  case acceptable(ListenerID)
  /// Bytes, or the end of them.
  case readable(ConnectionID)
  /// Room for bytes, or the end of the handshake.
  case writable(ConnectionID)
  /// A datagram.
  case datagram(SocketID)
  /// Room for a datagram.
  case datagramRoom(SocketID)
}

/// Why a wait ended.
enum WaitResult {
  /// The event happened; trying again is worth while.
  case ready
  /// The deadline passed.
  case timedOut
  /// The task was cancelled.
  case cancelled
}

/// The tasks that wait, in the order in which they began to.
///
///     slots    [ continuation, what for, neighbours in its queue ]
///     queues   one a kind of event and a connection, listener or socket
///     timers   the deadlines, by slot
///
/// Slots and queues are used again, so that waiting costs no memory beyond what
/// the busiest moment needed.
struct WaitTable {
  /// Names a wait: its slot and, because slots are used again, which use.
  struct Ticket: Equatable {
    fileprivate let slot: Int
    fileprivate let use: UInt32
  }

  private struct Slot {
    var continuation: CheckedContinuation<WaitResult, Never>?
    var event = WaitEvent.time
    var use: UInt32 = 0
    /// The neighbours in the event's queue, -1 at the ends; `next` also links
    /// the free slots.
    var previous = -1
    var next = -1
  }

  private struct Queue {
    var first = -1
    var last = -1
  }

  private var slots: [Slot] = []
  private var firstFree = -1
  private var timers = DeadlineHeap()

  private var bound = Queue()
  private var link = Queue()
  private var answer = Queue()
  private var acceptable: [Queue] = []
  private var readable: [Queue] = []
  private var writable: [Queue] = []
  private var datagram: [Queue] = []
  private var datagramRoom: [Queue] = []

  /// The number of tasks that wait.
  private(set) var count = 0

  /// The earliest deadline of a wait.
  var deadline: Instant? { timers.first?.deadline }

  /// The number of waits that there is memory for: the most at once so far.
  var capacity: Int { slots.count }

  /// A ticket for a wait that is about to begin: ``add(_:_:for:until:)`` begins
  /// it, and its end uses the ticket up, as ``discard(_:)`` does.
  mutating func makeTicket() -> Ticket {
    if firstFree < 0 {
      slots.append(Slot())
      return Ticket(slot: slots.count - 1, use: 0)
    }
    let slot = firstFree
    firstFree = slots[slot].next
    slots[slot].next = -1
    return Ticket(slot: slot, use: slots[slot].use)
  }

  /// Gives back a ticket whose wait did not begin.
  mutating func discard(_ ticket: Ticket) {
    guard slots[ticket.slot].use == ticket.use else { return }
    release(ticket.slot)
  }

  /// Lets `continuation` wait for `event`, until `deadline` at the latest.
  mutating func add(
    _ continuation: CheckedContinuation<WaitResult, Never>,
    _ ticket: Ticket,
    for event: WaitEvent,
    until deadline: Instant?
  ) {
    let slot = ticket.slot
    slots[slot].continuation = continuation
    slots[slot].event = event
    count += 1
    timers.set(UInt32(slot), to: deadline)
    var queue = queue(of: event)
    slots[slot].previous = queue.last
    if queue.last >= 0 { slots[queue.last].next = slot }
    if queue.first < 0 { queue.first = slot }
    queue.last = slot
    setQueue(of: event, queue)
  }

  /// Ends the wait of `ticket`, if it has begun and not ended.
  mutating func cancel(_ ticket: Ticket) {
    guard slots[ticket.slot].use == ticket.use,
      slots[ticket.slot].continuation != nil
    else { return }
    end(ticket.slot, .cancelled)
  }

  /// Wakes all tasks that wait for `event`, in the order in which they began
  /// to.
  mutating func wakeAll(_ event: WaitEvent) {
    while true {
      let first = queue(of: event).first
      guard first >= 0 else { return }
      end(first, .ready)
    }
  }

  /// Ends the waits whose deadline has come.
  mutating func expire(at now: Instant) {
    while let (slot, deadline) = timers.first, deadline <= now {
      end(Int(slot), .timedOut)
    }
  }

  private mutating func end(_ slot: Int, _ result: WaitResult) {
    let event = slots[slot].event
    var queue = queue(of: event)
    let (previous, next) = (slots[slot].previous, slots[slot].next)
    if previous >= 0 { slots[previous].next = next } else { queue.first = next }
    if next >= 0 {
      slots[next].previous = previous
    } else {
      queue.last = previous
    }
    setQueue(of: event, queue)
    timers.set(UInt32(slot), to: nil)
    count -= 1
    let continuation = slots[slot].continuation.take()
    release(slot)
    continuation?.resume(returning: result)
  }

  private mutating func release(_ slot: Int) {
    slots[slot].use &+= 1
    slots[slot].previous = -1
    slots[slot].next = firstFree
    firstFree = slot
  }

  /// The queue of those that wait for `event`. Those that wait for time alone
  /// are in none.
  private mutating func queue(of event: WaitEvent) -> Queue {
    switch event {
    case .time: Queue()
    case .bound: bound
    case .link: link
    case .answer: answer
    case .acceptable(let id): Self.queue(id.index, &acceptable)
    case .readable(let id): Self.queue(id.index, &readable)
    case .writable(let id): Self.queue(id.index, &writable)
    case .datagram(let id): Self.queue(id.index, &datagram)
    case .datagramRoom(let id): Self.queue(id.index, &datagramRoom)
    }
  }

  private static func queue(_ index: UInt32, _ queues: inout [Queue]) -> Queue {
    while queues.count <= Int(index) { queues.append(Queue()) }
    return queues[Int(index)]
  }

  private mutating func setQueue(of event: WaitEvent, _ queue: Queue) {
    switch event {
    case .time: break
    case .bound: bound = queue
    case .link: link = queue
    case .answer: answer = queue
    case .acceptable(let id): acceptable[Int(id.index)] = queue
    case .readable(let id): readable[Int(id.index)] = queue
    case .writable(let id): writable[Int(id.index)] = queue
    case .datagram(let id): datagram[Int(id.index)] = queue
    case .datagramRoom(let id): datagramRoom[Int(id.index)] = queue
    }
  }
}
