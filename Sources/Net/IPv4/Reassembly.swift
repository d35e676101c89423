import BasicContainers
import Packets

/// Puts datagrams together that came in parts. RFC 791 §3.2, RFC 815.
///
/// A datagram has a buffer for the largest there can be from its first part on,
/// so parts are copied once and the device has its memory back at once. Buffers
/// are few, and that is the bound of it all: of memory, and of what an attacker
/// can make us keep. They are taken from the heap when they are needed first.
///
///     | in the making: Limits.reassemblies | whole: Limits.largeDatagrams |
///
/// What is whole must not keep others from being made: TCP's text goes into the
/// stack's own slots at once, and of datagrams that wait for an app there may be
/// no more than their share (``isLendingTooMany``).
///
/// Parts that overlap end their datagram, as RFC 5722 §4 has it for IPv6: no
/// honest sender makes any, and whoever looks at parts on the way may take the
/// other one for valid (RFC 1858 §4). The same bytes again are harmless.
struct Reassembly: ~Copyable {
  /// What became of a datagram whose time is over.
  enum Expired: ~Copyable {
    /// Its first part never came, so nobody can be told. RFC 792.
    case silent
    /// What there is of it from its header on, to be quoted, and the interface
    /// that it came over, if it did over one.
    case quotable(PacketBuffer, over: Int?)
  }

  /// The largest IP datagram.
  private static let largestDatagram = 65535
  /// Room for the headers of the link, and for an internet header with options.
  private static let headroom = Stack.linkHeadroom + EthernetHeader.size + 60
  /// The first bytes of TCP that must not be in two parts: ports, numbers and
  /// flags. RFC 1858 §3.
  private static let smallestTCP = 16

  private let limit: Int
  private let largeLimit: Int
  private let timeout: Interval
  /// In the order of their ends. Before the pool, which must outlive them.
  private var entries: UniqueArray<PartialDatagram>
  private let pool: PacketPool

  init(limits: Limits) {
    limit = limits.reassemblies
    largeLimit = limits.largeDatagrams
    timeout = limits.reassemblyTime
    pool = PacketPool(
      capacity: limits.reassemblies + limits.largeDatagrams,
      slotSize: (PacketPool.controlBlockSize + Self.headroom
        + Self.largestDatagram + 63) & ~63,
      // So many stay for the next; what a flood took goes back to the heap.
      kept: 2
    )
    entries = UniqueArray(minimumCapacity: limits.reassemblies)
  }

  /// The datagrams of which something is there.
  var count: Int { entries.count }

  /// Whether `packet` is in one of the buffers.
  func owns(_ packet: borrowing PacketBuffer) -> Bool { pool.owns(packet) }

  /// Whether more datagrams are whole and not yet gone than may be.
  var isLendingTooMany: Bool {
    pool.capacity - pool.available - entries.count > largeLimit
  }

  /// When the next is given up.
  var deadline: Instant? {
    entries.isEmpty ? nil : entries[0].expiry
  }

  /// Takes in the part that `packet` is from its header on; the whole datagram,
  /// from its header on, when it was the last that was missing.
  ///
  /// `interface`: the one that it came over; `nil` when it is from this host
  /// itself. Parts that came over different ones make no datagram.
  ///
  /// `evicted` is increased by the datagrams that are given up for it.
  ///
  /// - Throws: Why the part is of no use.
  mutating func add(
    _ packet: borrowing PacketBuffer,
    _ header: IPv4Header,
    over interface: Int? = nil,
    evicted: inout Int,
    at now: Instant
  ) throws(DropReason) -> PacketBuffer? {
    let bytes = packet.bytes.extracting(header.length..<header.totalLength)
    let range = header.fragmentOffset..<header.fragmentOffset + bytes.byteCount
    guard Self.isSound(header, range) else {
      throw DropReason.ipv4FragmentInvalid
    }
    let key = PartialDatagram.Key(header, over: interface)
    let index: Int
    if let found = find(key) {
      index = found
    } else {
      index = try begin(key, evicted: &evicted, at: now)
    }
    guard try insert(bytes, range, header, at: index) else { return nil }
    entries[index].note(header.ecn)
    if range.lowerBound == 0, entries[index].headerLength == 0 {
      entries[index].keep(header: packet.bytes.extracting(0..<header.length))
    }
    guard entries[index].isWhole else { return nil }
    return try finish(entries.remove(at: index))
  }

  private static func isSound(
    _ header: IPv4Header,
    _ range: Range<Int>
  ) -> Bool {
    guard !range.isEmpty,
      range.upperBound <= largestDatagram - header.length,
      !header.hasMoreFragments || range.count % 8 == 0
    else { return false }
    // RFC 1858 §3.1: what comes first has the flags. §3.2.2: and nothing comes
    // at 8, where it would replace them.
    guard header.protocolNumber == IPv4Header.ProtocolNumber.tcp else {
      return true
    }
    return range.lowerBound == 0
      ? range.count >= smallestTCP : range.lowerBound != 8
  }

  /// A place for a datagram whose first part has come.
  private mutating func begin(
    _ key: PartialDatagram.Key,
    evicted: inout Int,
    at now: Instant
  ) throws(DropReason) -> Int {
    if entries.count >= limit || (pool.available == 0 && !entries.isEmpty) {
      // RFC 4963 §2: what is old is probably never completed. Who fills the
      // table pays for it before others do.
      _ = entries.remove(at: victim(for: key.source))
      evicted += 1
    }
    guard let packet = pool.allocate(headroom: Self.headroom) else {
      throw DropReason.noBuffer
    }
    entries.append(
      PartialDatagram(key, in: packet, until: now + timeout)
    )
    return entries.count - 1
  }

  private func victim(for source: IPv4Address) -> Int {
    var (oldest, count) = (0, 0)
    for index in 0..<entries.count where entries[index].key.source == source {
      if count == 0 { oldest = index }
      count += 1
    }
    return count * 2 >= limit ? oldest : 0
  }

  /// Puts the bytes at their place; `false` when they were there.
  private mutating func insert(
    _ bytes: RawSpan,
    _ range: Range<Int>,
    _ header: IPv4Header,
    at index: Int
  ) throws(DropReason) -> Bool {
    let isLast = !header.hasMoreFragments
    let end = entries[index].payloadLength
    // Nothing lies beyond the end, and there is one end.
    let isPastEnd = end.map {
      range.upperBound > $0 || isLast != (range.upperBound == $0)
    }
    let cutsOff = isLast && range.upperBound < entries[index].ranges.end
    guard !(isPastEnd ?? false), !cutsOff else {
      _ = entries.remove(at: index)
      throw DropReason.ipv4FragmentOverlap
    }
    switch entries[index].ranges.insert(range) {
    case .new: break
    case .repeated where entries[index].has(bytes, at: range.lowerBound):
      return false
    case .repeated, .overlapping:
      _ = entries.remove(at: index)
      throw DropReason.ipv4FragmentOverlap
    case .full:
      throw DropReason.ipv4FragmentInvalid
    }
    if isLast { entries[index].payloadLength = range.upperBound }
    entries[index].copy(bytes, to: range.lowerBound)
    return true
  }

  private func finish(
    _ entry: consuming PartialDatagram
  ) throws(DropReason) -> PacketBuffer {
    guard let ecn = entry.ecn else { throw DropReason.ipv4FragmentECN }
    let total = entry.headerLength + (entry.payloadLength ?? 0)
    guard total <= Self.largestDatagram else {
      throw DropReason.ipv4FragmentInvalid
    }
    let headerLength = entry.headerLength
    var packet = entry.packet
    packet.prepend(headerLength)
    var bytes = packet.mutableBytes
    IPv4Header.makeWhole(&bytes, totalLength: total, ecn: ecn)
    return packet
  }

  // MARK: Time

  /// A datagram whose time is over, or `nil`.
  mutating func nextExpired(at now: Instant) -> Expired? {
    guard !entries.isEmpty, entries[0].expiry <= now else { return nil }
    return Self.expired(entries.remove(at: 0))
  }

  private static func expired(
    _ entry: consuming PartialDatagram
  ) -> Expired {
    let (headerLength, known) = (entry.headerLength, entry.ranges.contiguous)
    let interface = entry.key.interface
    guard headerLength > 0, known > 0 else { return .silent }
    var packet = entry.packet
    packet.removeLast(packet.count - known)
    packet.prepend(headerLength)
    return .quotable(packet, over: interface)
  }

  /// Forgets all that came over `interface`, as when its address is given up.
  /// Returns how many there were.
  mutating func removeAll(over interface: Int) -> Int {
    var count = 0
    for index in stride(from: entries.count - 1, through: 0, by: -1)
    where entries[index].key.interface == interface {
      _ = entries.remove(at: index)
      count += 1
    }
    return count
  }

  private func find(_ key: PartialDatagram.Key) -> Int? {
    for index in 0..<entries.count where entries[index].key == key {
      return index
    }
    return nil
  }
}
