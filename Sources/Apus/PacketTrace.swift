import Net
import Packets

/// Says a line of each packet that goes into a host or comes out of it, over
/// whichever interface, and why it was dropped, if it was:
///
///     net: 1.034512 in TCP 10.0.2.2:4000 > 10.0.2.15:8 SYN seq 1 win 65535 length 0, counted: tcp: no connection
///     net: 1.034530 out TCP 10.0.2.15:8 > 10.0.2.2:4000 RST,ACK seq 0 ack 2 win 0 length 0
///
/// The kernel hands packets through it when that was asked for, and else past
/// it. What the lines are written on is slower than a network, so there is a
/// bound on them; what is beyond is counted, and the count told. Lines make no
/// packets, so a trace does not trace itself.
public final class PacketTrace {
  /// The most lines of packets in a second: some twenty kilobytes, which take a
  /// virtual serial port less than a tenth of it.
  public static var mostLinesPerSecond: Int { 200 }

  private let name: String
  private let print: ([UInt8]) -> Void
  /// What the stack had counted when that was last looked at.
  private var counted = StackCounters()
  /// The second that it is, and the lines said in it.
  private var second: Int64 = 0
  private var lines = 0
  /// Lines that were not said, since that was last told.
  private var leftOut: UInt64 = 0

  /// A trace whose lines begin with `name`, and the number of the interface but
  /// for the first, and go to `print`, without an end.
  public init(name: String, print: @escaping ([UInt8]) -> Void) {
    self.name = name
    self.print = print
  }

  // MARK: The way of packets

  /// Hands a frame to `host`.
  public func receive(
    _ frame: consuming PacketBuffer,
    into host: Host,
    on interface: Int = 0,
    at now: Instant
  ) {
    noteCounted(host, at: now)
    guard mayPrint(at: now) else {
      host.receive(frame, on: interface, at: now)
      counted = host.stack.counters
      return
    }
    var line = begin(on: interface, at: now)
    line.append("in ")
    line.append(PacketLine(frame))
    host.receive(frame, on: interface, at: now)
    appendCounted(host, to: &line)
    print(line.bytes)
  }

  /// The next frame that `host` wants to send; see ``Host/transmit(on:at:)``.
  public func transmit(
    from host: Host,
    on interface: Int = 0,
    at now: Instant
  ) -> PacketBuffer? {
    noteCounted(host, at: now)
    guard let frame = host.transmit(on: interface, at: now) else {
      noteCounted(host, at: now)
      return nil
    }
    guard mayPrint(at: now) else {
      counted = host.stack.counters
      return frame
    }
    var line = begin(on: interface, at: now)
    line.append("out ")
    line.append(PacketLine(frame))
    appendCounted(host, to: &line)
    print(line.bytes)
    return frame
  }

  /// Tells how many packets were left out, if some were and there is room
  /// again: to be called now and then, as there may be no packet that would.
  public func look(at now: Instant) {
    renew(at: now)
  }

  // MARK: The bound

  /// Begins another second, if it is one, with what was left out before.
  private func renew(at now: Instant) {
    let present = now.nanoseconds / 1_000_000_000
    guard present != second else { return }
    second = present
    lines = 0
    tellLeftOut(at: now)
  }

  /// Whether there may be one line more.
  private func mayPrint(at now: Instant) -> Bool {
    renew(at: now)
    guard lines < Self.mostLinesPerSecond else {
      leftOut &+= 1
      return false
    }
    lines += 1
    return true
  }

  private func tellLeftOut(at now: Instant) {
    guard leftOut > 0 else { return }
    var line = begin(at: now)
    line.append(leftOut)
    line.append(" lines left out")
    leftOut = 0
    print(line.bytes)
  }

  // MARK: Lines

  /// Says what was counted since the last packet: what time or an app has
  /// brought about, as when a neighbour does not answer.
  private func noteCounted(_ host: Host, at now: Instant) {
    var line = begin(at: now)
    line.append("no packet")
    guard appendCounted(host, to: &line), mayPrint(at: now) else { return }
    print(line.bytes)
  }

  /// Such as `net: 1.034512 `.
  private func begin(on interface: Int = 0, at now: Instant) -> TraceLine {
    var line = TraceLine()
    line.append(name)
    if interface > 0 { line.append(UInt64(interface)) }
    line.append(": ")
    line.append(now)
    line.append(" ")
    return line
  }

  /// Appends what was counted since the last time, and says whether there was
  /// something.
  @discardableResult
  private func appendCounted(_ host: Host, to line: inout TraceLine) -> Bool {
    let counters = host.stack.counters
    var isAny = false
    counters.forEachDrop(since: counted) { name, count in
      line.append(isAny ? ", " : ", dropped: ", name, count)
      isAny = true
    }
    var isFirst = true
    counters.forEachRemarkOfTCP(since: counted) { name, count in
      line.append(isFirst ? ", counted: " : ", ", name, count)
      isFirst = false
      isAny = true
    }
    counted = counters
    return isAny
  }
}
