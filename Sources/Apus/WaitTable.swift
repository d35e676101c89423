import Net
import Packets
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
/// the busiest moment needed; they stand in pages, so that no wait pays for
/// moving the others.
struct WaitTable: ~Copyable {
  /// Names a wait: its slot and, because slots are used again, which use.
  struct Ticket: Equatable {
    fileprivate let slot: Int32
    fileprivate let use: UInt32
  }

  struct Slot {
    var continuation: CheckedContinuation<WaitResult, Never>?
    var event = WaitEvent.time
    var use: UInt32 = 0
    /// The neighbours in the event's queue, -1 at the ends; `next` also links
    /// the free slots.
    var previous: Int32 = -1
    var next: Int32 = -1
  }

  struct Queue {
    var first: Int32 = -1
    var last: Int32 = -1
  }

  private var slots = PagedArray<Slot>()
  private var firstFree: Int32 = -1
  private var timers = DeadlineHeap()

  private var bound = Queue()
  private var link = Queue()
  private var answer = Queue()
  private var acceptable = PagedArray<Queue>()
  private var readable = PagedArray<Queue>()
  private var writable = PagedArray<Queue>()
  private var datagram = PagedArray<Queue>()
  private var datagramRoom = PagedArray<Queue>()

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
      return Ticket(slot: Int32(slots.count - 1), use: 0)
    }
    let slot = firstFree
    firstFree = slots[Int(slot)].next
    slots[Int(slot)].next = -1
    return Ticket(slot: slot, use: slots[Int(slot)].use)
  }

  /// Gives back a ticket whose wait did not begin.
  mutating func discard(_ ticket: Ticket) {
    guard slots[Int(ticket.slot)].use == ticket.use else { return }
    release(ticket.slot)
  }

  /// Lets `continuation` wait for `event`, until `deadline` at the latest.
  mutating func add(
    _ continuation: CheckedContinuation<WaitResult, Never>,
    _ ticket: Ticket,
    for event: WaitEvent,
    until deadline: Instant?
  ) {
    let index = Int(ticket.slot)
    slots[index].continuation = continuation
    slots[index].event = event
    count += 1
    timers.set(UInt32(ticket.slot), to: deadline)
    var queue = queue(of: event)
    slots[index].previous = queue.last
    if queue.last >= 0 { slots[Int(queue.last)].next = ticket.slot }
    if queue.first < 0 { queue.first = ticket.slot }
    queue.last = ticket.slot
    setQueue(of: event, queue)
  }

  /// Ends the wait of `ticket`, if it has begun and not ended.
  mutating func cancel(_ ticket: Ticket) {
    let index = Int(ticket.slot)
    guard slots[index].use == ticket.use, slots[index].continuation != nil
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
      end(Int32(slot), .timedOut)
    }
  }

  private mutating func end(_ slot: Int32, _ result: WaitResult) {
    let index = Int(slot)
    let event = slots[index].event
    var queue = queue(of: event)
    let (previous, next) = (slots[index].previous, slots[index].next)
    if previous >= 0 {
      slots[Int(previous)].next = next
    } else {
      queue.first = next
    }
    if next >= 0 {
      slots[Int(next)].previous = previous
    } else {
      queue.last = previous
    }
    setQueue(of: event, queue)
    timers.set(UInt32(slot), to: nil)
    count -= 1
    let continuation = slots[index].continuation.take()
    release(slot)
    continuation?.resume(returning: result)
  }

  private mutating func release(_ slot: Int32) {
    slots[Int(slot)].use &+= 1
    slots[Int(slot)].previous = -1
    slots[Int(slot)].next = firstFree
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

  private static func queue(_ index: UInt32, _ queues: inout PagedArray<Queue>)
    -> Queue
  {
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
