import BasicContainers
import Packets

/// Every TCP connection and listener of a stack: segments, calls and the time
/// go in; segments, bytes and events come out. RFC 9293.
///
///     receive -> table of endpoints -> slot -> the connection's state machine
///                                                        |
///     transmit <- lists of slots with something to send <|
///     deadline <- heap of the slots' deadlines         <-|
///     nextEvent <- list of slots with changes          <-'
///
/// A segment costs one look-up in a hash table and constant work besides,
/// setting a deadline the logarithm of the number of connections; nothing
/// scans the connections but ``stopListening(_:at:)`` and
/// ``abortAll(from:at:)``.
struct TCP: ~Copyable {
  struct Slot: ~Copyable {
    var generation: UInt32 = 0
    var isUsed = true
    /// Whether ``EndpointTable`` has it.
    var isInTable = false
    /// When text came last: see ``ReceiveShares``.
    var receivedIn: UInt16 = 0
    /// The next slot of its bucket there; of a free slot, the next free one.
    var nextInBucket = EndpointTable.none
    /// When the peer's SYN came, while the connection is half-open.
    var halfOpenSince = Instant(nanoseconds: 0)
    var connection: Connection
  }

  /// The two ends of a connection, which no two connections share. Interfaces on
  /// links that have nothing to do with each other may have the same address,
  /// and so may their hosts.
  struct Key: Hashable {
    let local: Endpoint
    let remote: Endpoint
    let interface: UInt8

    init(local: Endpoint, remote: Endpoint, interface: UInt8 = 0) {
      self.local = local
      self.remote = remote
      self.interface = interface
    }
  }

  let limits: Constant<TCPLimits>
  let secret: SipHash.Key
  var slots: PagedArray<Slot>
  /// The slot that became free last, and how many are; the others hang from it
  /// by ``Slot/nextInBucket``.
  private var firstFree = EndpointTable.none
  private(set) var freeSlots = 0
  var table: EndpointTable
  var listeners: [Listener] = []
  var listenerOfPort: [UInt16: UInt32] = [:]
  var ports: EphemeralPorts
  /// By the number of the interface; at least one.
  var outlets: UniqueArray<TCPOutlet>
  /// Of ``TCPOutlet/sending``, of which a connection is in that of its own
  /// interface alone.
  var sendingLinks = SlotLinks()
  /// Of ``halfOpen``, ``Listener/acceptable`` and ``changed``, through which a
  /// connection goes in this order.
  var waitingLinks = SlotLinks()
  /// Slots with changes that no event has told.
  var changed = SlotList(number: 0)
  /// Slots whose handshake a peer has begun and not completed, the oldest
  /// first.
  var halfOpen = SlotList(number: 1)
  /// ``SlotList/number`` of the first listener's connections to accept.
  static let firstAcceptable: UInt16 = 2
  /// The connections in TIME-WAIT that no app holds.
  var timeWait: TimeWaitTable
  /// Ways that have turned out to carry less, that IP was not told of.
  var smallerPaths: [(address: IPAddress, mtu: Int, slot: UInt32)] = []
  /// How often all connections may be looked at for a way that carries less.
  var pathScans = ScanLimit()
  /// The slot of a connection for which IP was not asked what it knows of the
  /// way.
  var pathWanted: UInt32?
  /// Whether IP is to be asked or told of a way: see ``pathWanted``,
  /// ``nextSmallerPath()``.
  var hasPathNews = false
  /// Peers to whom the way may be dead, that IP was not told of.
  var suspects: [(address: IPAddress, interface: Int)] = []
  /// Listeners with a connection to accept that no event has told.
  var signalled = SlotList()
  var signalledLinks = SlotLinks()
  var deadlines = DeadlineHeap()
  /// Memory for records of what is in flight, which connections with nothing in
  /// flight gave back: one holds none while it is idle, and none is allocated
  /// for a segment.
  private var spareRecords: UniqueArray<UniqueArray<SentSegment>>
  /// The same for what came early.
  private var spareEarly: UniqueArray<SideRecord<EarlySegments>>
  /// What of the packet slots each connection may be promised.
  var shares = ReceiveShares()
  /// The memory of all send buffers.
  let blocks: SendBlocks
  /// Slots that were refused their first block, in their turn; while there are
  /// any, nobody else gets one.
  var starved = SlotList()
  var starvedLinks = SlotLinks()
  /// The peer whose acknowledgement last showed that what we send arrives, until
  /// IP has heard of it. RFC 4861 §7.3.1.
  var progressingPeer: IPAddress?

  /// What happened so far.
  var counters = TCPCounters()

  /// No connections yet. `secret` keys what others must not guess.
  ///
  /// - Precondition: The timeouts of `limits` are positive, and so is its send
  ///   buffer.
  init(
    limits: TCPLimits,
    capabilities: LinkCapabilities = LinkCapabilities(),
    secret: SipHash.Key,
    random: RandomNumbers
  ) {
    precondition(
      limits.minimumTimeout > .zero && limits.initialTimeout > .zero
    )
    self.limits = Constant(limits)
    var outlets = UniqueArray<TCPOutlet>(minimumCapacity: 1)
    outlets.append(TCPOutlet(capabilities, number: 0))
    self.outlets = outlets
    slots = PagedArray(limit: limits.connections)
    blocks = SendBlocks(
      limit: limits.sendMemory,
      firstLimit: limits.firstSendMemory
    )
    timeWait = TimeWaitTable(
      limit: max(limits.timeWaitConnections, 1),
      secret: secret
    )
    spareRecords = UniqueArray(minimumCapacity: TCPLimits.spareRecords)
    spareEarly = UniqueArray(minimumCapacity: TCPLimits.spareEarly)
    self.secret = secret
    var random = random
    ports = EphemeralPorts(
      first: limits.firstEphemeralPort,
      secret: secret,
      start: UInt32(truncatingIfNeeded: random.next())
    )
    table = EndpointTable(
      connections: limits.connections,
      key: SipHash.Key(random.next(), random.next())
    )
  }

  // MARK: Interfaces

  /// There is one interface more.
  mutating func addOutlet(_ capabilities: LinkCapabilities) {
    outlets.append(TCPOutlet(capabilities, number: outlets.count))
  }

  /// The device of an interface does from now on what `capabilities` say.
  mutating func setCapabilities(
    _ capabilities: LinkCapabilities,
    of interface: Int = 0
  ) {
    outlets[interface].capabilities = capabilities
  }

  /// The interface of the connection in `slot`.
  @inline(__always)
  @_addressableSelf
  func interface(of slot: UInt32) -> Int {
    Int(slots[Int(slot)].connection.interface)
  }

  @inline(__always)
  private func isSending(_ slot: UInt32) -> Bool {
    outlets[interface(of: slot)].sending.contains(slot, in: sendingLinks)
  }

  // MARK: Slots

  /// The slot that `id` names, while the app holds it.
  @_addressableSelf
  func index(of id: ConnectionID) -> Int? {
    let index = Int(id.index)
    guard index < slots.count, slots[index].isUsed,
      slots[index].generation == id.generation,
      !slots[index].connection.isReleased
    else { return nil }
    return index
  }

  @_addressableSelf
  func id(of slot: UInt32) -> ConnectionID {
    ConnectionID(index: slot, generation: slots[Int(slot)].generation)
  }

  /// The listener that `id` names, while it listens.
  @_addressableSelf
  func index(of id: ListenerID) -> Int? {
    let index = Int(id.index)
    guard index < listeners.count, listeners[index].isListening,
      listeners[index].generation == id.generation
    else { return nil }
    return index
  }

  /// A slot for `connection`, now in the table. `nil` when all are taken.
  mutating func insert(_ connection: consuming Connection) -> UInt32? {
    guard freeSlots > 0 || slots.count < limits.value.connections else {
      return nil
    }
    let index: UInt32
    if freeSlots > 0 {
      index = firstFree
      firstFree = slots[Int(index)].nextInBucket
      freeSlots -= 1
      slots[Int(index)].connection = connection
      slots[Int(index)].isUsed = true
    } else {
      index = UInt32(slots.count)
      slots.append(Slot(connection: connection))
    }
    table.insert(index, in: &slots)
    askForPath(of: index)
    return index
  }

  // MARK: Records of what is in flight

  /// Gives the connection in the slot, which has none, memory for records, if
  /// there is some.
  mutating func lendRecords(to slot: Int) {
    if let spare = spareRecords.popLast() {
      slots[slot].connection.flight.adopt(spare)
    }
  }

  /// Takes memory for records back from a connection with nothing in flight.
  private mutating func takeBackRecords(from slot: Int) {
    let spare = slots[slot].connection.flight.takeMemory()
    if spareRecords.count < TCPLimits.spareRecords,
      spare.capacity <= TCPLimits.largestSpareRecords
    {
      spareRecords.append(spare)
    }
  }

  // MARK: Records of what came early

  /// Gives the connection in the slot a record for `segment`, which has text,
  /// if it came before or after its turn and there is one.
  mutating func lendEarly(to slot: Int, _ segment: TCPHeader) {
    guard segment.sequenceNumber != slots[slot].connection.receive.next,
      !slots[slot].connection.early.isPresent,
      var spare = spareEarly.popLast()
    else { return }
    spare.value.reuse(isSelective: slots[slot].connection.isSelective)
    slots[slot].connection.early = spare
  }

  /// Takes the record back from a connection where nothing waits for its turn.
  private mutating func takeBackEarly(from slot: Int) {
    let spare = slots[slot].connection.early.take()
    if spareEarly.count < TCPLimits.spareEarly { spareEarly.append(spare) }
  }

  /// Brings the timers, lists and tables in line with what has just happened
  /// to the connection in `slot`.
  mutating func settle(_ slot: UInt32, at now: Instant) {
    file(
      slot,
      as: slots[Int(slot)].connection.settle(
        isSending: isSending(slot),
        limits: limits,
        at: now
      )
    )
  }

  /// Brings the lists and tables in line with the connection in `slot`.
  mutating func refile(_ slot: UInt32) {
    let isSending = isSending(slot)
    file(slot, as: slots[Int(slot)].connection.filing(isSending: isSending))
  }

  @inline(__always)
  private mutating func file(_ slot: UInt32, as found: Connection.Filing) {
    let index = Int(slot)
    var filing = found
    if filing.hasIdleRecords { takeBackRecords(from: index) }
    if filing.hasIdleEarly { takeBackEarly(from: index) }
    if filing.isHalfOpen {
      halfOpen.append(slot, in: &waitingLinks)
    } else if halfOpen.count > 0 {
      halfOpen.remove(slot, in: &waitingLinks)
    }
    if let listener = filing.listener {
      refilePending(slot, of: Int(listener))
      let isSending = isSending(slot)
      filing = slots[index].connection.filing(isSending: isSending)
    }
    if filing.state == .timeWait, filing.isReleased, !filing.wantsToSend {
      moveToTimeWait(slot)
      filing.state = .closed
    }
    if filing.state == .closed {
      leaveTable(slot)
      if filing.isReleased, !filing.wantsToSend { return free(slot) }
    }
    if filing.wantsToSend {
      outlets[interface(of: slot)].sending.append(slot, in: &sendingLinks)
    }
    deadlines.set(slot, to: filing.deadline)
    if filing.isReleased {
      changed.remove(slot, in: &waitingLinks)
    } else if filing.hasChanges, filing.listener == nil {
      changed.append(slot, in: &waitingLinks)
    }
  }

  /// RFC 4987 §3.4: ends the oldest half-open connection of the listener, so
  /// that a peer who means it gets its place: one whose SYN,ACK has gone
  /// unanswered for long. Looks at few: those of other listeners may stand before
  /// it. Returns whether there was one.
  mutating func evictHalfOpen(of listener: UInt32, at now: Instant) -> Bool {
    var candidate = halfOpen.first
    for _ in 0..<limits.value.halfOpenCandidates {
      guard let slot = candidate,
        now - slots[Int(slot)].halfOpenSince >= limits.value.halfOpenPatience
      else { return false }
      if slots[Int(slot)].connection.listener?.index == listener {
        counters.halfOpenEvicted &+= 1
        slots[Int(slot)].connection.end(nil)
        refile(slot)
        return true
      }
      candidate = halfOpen.next(after: slot, in: waitingLinks)
    }
    return false
  }

  /// The connection in `slot` counts to the backlog of the listener.
  private mutating func refilePending(_ slot: UInt32, of listener: Int) {
    let index = Int(slot)
    if slots[index].connection.state == .closed {
      // It ended before the app took it: nobody will release it.
      slots[index].connection.listener = nil
      slots[index].connection.isReleased = true
      listeners[listener].pending -= 1
      listeners[listener].acceptable.remove(slot, in: &waitingLinks)
      counters.connectionsNeverAccepted &+= 1
    } else if slots[index].connection.changes.contains(.established) {
      slots[index].connection.changes.remove(.established)
      listeners[listener].acceptable.append(slot, in: &waitingLinks)
      signalled.append(UInt32(listener), in: &signalledLinks)
      counters.connectionsAccepted &+= 1
    }
  }

  private mutating func leaveTable(_ slot: UInt32) {
    guard slots[Int(slot)].isInTable else { return }
    table.remove(slot, in: &slots)
    if slots[Int(slot)].connection.error != nil {
      counters.connectionsFailed &+= 1
    }
  }

  private mutating func free(_ slot: UInt32) {
    let index = Int(slot)
    outlets[interface(of: slot)].sending.remove(slot, in: &sendingLinks)
    changed.remove(slot, in: &waitingLinks)
    starved.remove(slot, in: &starvedLinks)
    deadlines.set(slot, to: nil)
    slots[index].connection.receiveQueue = PacketQueue()
    slots[index].isUsed = false
    slots[index].generation &+= 1
    slots[index].nextInBucket = firstFree
    firstFree = slot
    freeSlots += 1
  }
}
