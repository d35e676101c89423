import BasicContainers
import Packets

/// What others say, and what arrives, and what that tells of neighbours.
extension NeighbourCache {
  /// Takes in that somebody says `address` is at `hardware`.
  ///
  /// `isAnswer`: the packet that said so is a reply to our own addresses.
  mutating func learn(
    _ address: IPv4Address,
    at hardware: MACAddress,
    isAnswer: Bool,
    now: Instant
  ) -> Lesson {
    guard let index = find(address) else { return .none }
    let isAnswer =
      isAnswer && entries[index].isAsked && entries[index].isAwaited
    if entries[index].state == .incomplete {
      // RFC 826 and RFC 4861 §7.2.5 would take what anybody says. But who has
      // the address is about to answer, and says it of itself.
      guard isAnswer else { return .none }
      entries[index].hardware = hardware
      settle(index, .reachable(until: now + reachableTime))
    } else if entries[index].hardware == hardware {
      // RFC 4861 §7.2.5: what nobody asked for confirms nothing, because it
      // does not show that what we send arrives.
      if isAnswer { settle(index, .reachable(until: now + reachableTime)) }
    } else if isAnswer, entries[index].isOpen {
      entries[index].hardware = hardware
      settle(index, .reachable(until: now + reachableTime))
    } else {
      dispute(index, at: now)
      return .disputed
    }
    return .known(index)
  }

  private mutating func settle(_ index: Int, _ state: Neighbour.State) {
    entries[index].state = state
    entries[index].requests = 0
    entries[index].isAwaited = false
    entries[index].isDisputed = false
    entries[index].isOpen = false
    entries[index].isUnverified = false
  }

  private mutating func dispute(_ index: Int, at now: Instant) {
    guard !entries[index].isDisputed else { return }
    entries[index].isDisputed = true
    guard entries[index].state != .probe else { return }
    entries[index].state = .probe
    entries[index].requests = 0
    entries[index].isAwaited = false
    let earliest = entries[index].lastRequest.map { $0 + Self.requestInterval }
    entries[index].due = earliest.map { max($0, now) } ?? now
    schedule(entries[index].due)
  }

  /// Takes in that what went to `address` has arrived: a connection got further.
  /// RFC 4861 §7.3.1. Merely to have heard of it is not enough.
  ///
  /// Of who has never answered, or whose hardware address is disputed, it says
  /// nothing: who has taken the address for itself gets what goes there, too.
  mutating func confirm(_ address: IPv4Address, at now: Instant) {
    guard let index = find(address), entries[index].state != .incomplete,
      !entries[index].isUnverified, !entries[index].isDisputed
    else { return }
    settle(index, .reachable(until: now + reachableTime))
  }

  /// Takes in that nothing has come back from beyond `address`: whether it is
  /// there is asked at once, by whoever believes that it is. RFC 1122 §3.3.1.4.
  mutating func suspect(_ address: IPv4Address, at now: Instant) {
    guard let index = find(address), !entries[index].isAsked,
      !entries[index].isUnverified
    else { return }
    entries[index].state = .delay
    // RFC 1122 §2.3.2.1: once a second.
    let earliest = entries[index].lastRequest.map { $0 + Self.requestInterval }
    entries[index].due = earliest.map { max($0, now) } ?? now
    schedule(entries[index].due)
  }

  /// Takes in that `address` is at `hardware` and has asked for us, if it has no
  /// entry. RFC 826 ("Am I the target protocol address?").
  ///
  /// It is stale, as nobody had asked for it, and with its first use everybody
  /// is asked. When the table is full nothing is taken in.
  mutating func add(
    _ address: IPv4Address,
    at hardware: MACAddress,
    now: Instant
  ) {
    guard entries.count < limit, find(address) == nil else { return }
    var entry = Neighbour(address, at: now)
    entry.hardware = hardware
    entry.state = .stale
    entry.isUnverified = true
    // Not used yet: older than all that were.
    entry.lastUse = Instant(nanoseconds: 0)
    entries.append(entry)
  }

  /// Whether a packet may be waiting for a neighbour's answer.
  var isAsking: Bool {
    for index in 0..<entries.count where entries[index].state == .incomplete {
      return true
    }
    return false
  }

  /// The oldest packet that waits for the neighbour at `index`.
  mutating func takeParked(at index: Int) -> PacketBuffer? {
    guard let packet = entries[index].parked.popFirst() else { return nil }
    parkedCount -= 1
    if !IPv4Header.isLaterFragment(packet) {
      entries[index].parkedDatagrams -= 1
    }
    return packet
  }
}
