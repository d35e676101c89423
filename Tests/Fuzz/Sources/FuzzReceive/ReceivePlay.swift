import Fuzzing
import Net
import Packets
@testable import Virtio

/// A started device with a stack behind it, and a device's end that gives back
/// what the input says, as frames of all kinds.
struct ReceivePlay: ~Copyable {
  private static var ownAddress: IPv4Address { IPv4Address(10, 0, 2, 15) }
  private static var ownMAC: MACAddress { MACAddress(bits: 0x5254_0012_3456) }
  private static var sendSlots: Int { 192 }

  private let input: Input
  private let pool: PacketPool
  private var device: NetworkDevice<InputTransport>
  private var stack: Stack
  private var now = Instant(nanoseconds: 0)
  private let listener: ListenerID
  private let socket: SocketID
  private var connections: [ConnectionID] = []

  /// A device and a stack as the input says; `nil` when the device does not
  /// start.
  init?(_ input: Input) {
    self.input = input
    let transport = InputTransport(input)
    var settings = NetworkSettings(
      receiveMemory: [1 << 14, 1 << 16, 1 << 18, 3 << 20][
        input.index(below: 4)
      ],
      randomBits: 1,
      vectors: nil
    )
    settings.controlReads = 16
    if input.flag() { settings.without = .ctrlVQ }
    guard let device = try? NetworkDevice.start(transport, settings) else {
      return nil
    }
    self.device = device
    pool = PacketPool(capacity: Self.sendSlots)
    var configuration = StackConfiguration.repeatable(Self.ownMAC)
    if input.flag() {
      configuration.bind(
        to: Lease(
          address: Self.ownAddress,
          prefixLength: 24,
          gateway: IPv4Address(10, 0, 2, 2)
        )
      )
    }
    configuration.tcpLimits = .small(reservedPackets: 8)
    stack = Stack(configuration, pool: pool, at: now)
    guard let listener = try? stack.listen(port: 7, backlog: 4),
      let socket = try? stack.bindDatagrams(port: 7)
    else { fatalError("a new stack has no room") }
    self.listener = listener
    self.socket = socket
  }

  /// Does all that the input says; then everything is where it came from.
  consuming func run() {
    while input.count > 0 { step() }
    let (receivePool, pool) = (device.receivePool, pool)
    // Behind the end of the input the device comes to rest.
    end()
    check(
      receivePool.available == receivePool.capacity,
      "\(receivePool.available) of \(receivePool.capacity) buffers are back"
    )
    check(
      pool.available == Self.sendSlots,
      "\(pool.available) of \(Self.sendSlots) packets are back"
    )
  }

  private consuming func end() { try? device.stop() }

  private mutating func step() {
    switch input.index(below: 10) {
    case 0, 1, 2: give()
    case 3, 4: receive()
    case 5: send()
    case 6:
      now = now + .milliseconds(Int64(input.number(as: UInt16.self)))
      stack.poll(at: now)
    case 7: app()
    case 8:
      device.transport.state.lie(UInt16(input.index(below: 2)))
    default:
      if input.flag() {
        _ = device.enableInterrupts()
        device.disableInterrupts()
      } else if device.needsReset {
        try? device.restart()
      }
    }
  }

  /// The device gives back a buffer, or several as one packet.
  private func give() {
    let index = UInt16(input.index(below: 2))
    var header = (0..<device.headerSize).map { _ in
      input.flag() ? input.byte() : 0
    }
    let shape = input.byte()
    let buffers = shape & 0x80 != 0 ? 1 + input.index(below: 4) : 1
    if header.count > 10, shape & 0x40 == 0 {
      header[10] = UInt8(buffers)
      header[11] = 0
    }
    let frame = makeFrame(input, Frame.Kind(shape & 7))
    var bytes = header + frame
    for buffer in 0..<buffers {
      // As long as it is, unless the device lies.
      let length =
        input.byte() == 0xFF ? input.number() : UInt32(bytes.count)
      device.transport.state.fill(index, bytes, length: length)
      if buffer + 1 < buffers {
        bytes = (0..<input.index(below: 64)).map { _ in input.byte() }
      }
    }
  }

  private mutating func receive() {
    while let frame = device.receive() {
      check(frame.count >= 14, "a frame of \(frame.count) bytes")
      stack.receive(frame, at: now)
    }
    device.refill()
    device.flush()
  }

  private mutating func send() {
    while device.canTransmit(), let frame = stack.transmit(at: now) {
      device.transmit(frame)
    }
    device.flush()
    device.reclaim()
  }

  /// An app that reads what comes and sends it back.
  private mutating func app() {
    while stack.nextEvent() != nil {}
    if let connection = stack.accept(listener) {
      connections.append(connection)
    }
    if let datagram = stack.receiveDatagram(socket) {
      _ = try? stack.send(
        datagram.payload.bytes,
        from: socket,
        to: datagram.source,
        at: now
      )
    }
    guard !connections.isEmpty else { return }
    let place = input.index(below: connections.count)
    let connection = connections[place]
    switch input.index(below: 4) {
    case 0, 1: echo(connection)
    case 2: stack.close(connection, at: now)
    default:
      stack.release(connection, at: now)
      connections.remove(at: place)
    }
  }

  private mutating func echo(_ connection: ConnectionID) {
    // One pattern at a time: the value cannot be copied.
    guard case .bytes(let packet) = stack.read(connection, at: now) else {
      return
    }
    _ = try? stack.write(packet.bytes, to: connection, at: now)
  }
}
