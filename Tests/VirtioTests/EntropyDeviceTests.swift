import PCI
import PCIModel
import Packets
import Testing
import Virtio

/// VIRTIO 1.2 §5.4, on both transports.
@Suite struct EntropyDeviceTests {
  typealias Device = EntropyDevice<DeviceTransport<ModelHost>>

  /// A machine with an entropy device.
  final class Rig {
    let machine = ModelMachine()
    let model: EntropyDeviceModel
    let pool = PacketPool(capacity: 1, slotSize: 128)

    init(isLegacy: Bool, _ answers: [EntropyDeviceModel.Answer] = []) {
      model = EntropyDeviceModel(in: machine, isLegacy: isLegacy)
      model.answers = answers
      machine.root.add(model, 4)
    }

    func start() throws(VirtioError) -> Device {
      let assignment = AddressAssignment(
        enumerate(machine.host),
        machine.host
      )
      let entry = assignment.entries[0]
      assignment.enable(entry.function, machine.host)
      return try Device.start(
        DeviceTransport(machine.host, entry, hasVectors: false),
        pool: pool
      )
    }

    func failure() -> VirtioError? {
      do throws(VirtioError) {
        try start().stop()
        return nil
      } catch {
        return error
      }
    }
  }

  /// What a device gives in one look.
  static func take(
    _ device: inout Device
  ) -> (answer: EntropyAnswer, bytes: [UInt8]) {
    var bytes: [UInt8] = []
    let answer = device.take { span in
      bytes = (0..<span.byteCount).map { span.byte(at: $0) }
    }
    return (answer, bytes)
  }

  static let bytes = (0..<64).map { UInt8($0 * 3 + 1) }

  @Test(arguments: [true, false])
  func bytes_come_once(_ isLegacy: Bool) throws {
    let rig = Rig(isLegacy: isLegacy, [.init(bytes: Self.bytes)])
    var device = try rig.start()
    #expect(rig.model.status == (isLegacy ? 7 : 15))
    #expect(rig.model.accepted == (isLegacy ? 0 : 1 << 32))
    #expect(rig.model.requests.isEmpty)
    device.request()
    let first = Self.take(&device)
    #expect(first.answer == .bytes(64))
    #expect(first.bytes == Self.bytes)
    // Asked for nothing, it has nothing.
    let second = Self.take(&device)
    #expect(second.answer == .none)
    #expect(second.bytes == [])
    #expect(rig.pool.available == 1)
    try device.stop()
    #expect(rig.model.status == 0)
  }

  @Test(arguments: [true, false])
  func request_is_one_buffer_for_the_device_to_write(
    _ isLegacy: Bool
  ) throws {
    let rig = Rig(isLegacy: isLegacy)
    var device = try rig.start()
    device.request()
    device.request()
    let requests = rig.model.requests
    #expect(requests.count == 1)
    #expect(requests[0].request.length == 64)
    #expect(requests[0].request.flags == 2)
    #expect(rig.pool.available == 0)
    try device.stop()
    #expect(rig.pool.available == 1)
  }

  @Test(arguments: [true, false])
  func buffer_is_wiped_before_it_is_used_again(_ isLegacy: Bool) throws {
    let rig = Rig(
      isLegacy: isLegacy,
      [.init(bytes: Self.bytes), .init(bytes: [], length: 64)]
    )
    var device = try rig.start()
    device.request()
    _ = Self.take(&device)
    device.request()
    #expect(rig.model.requests[1].before == [UInt8](repeating: 0, count: 64))
    // Says that it has written, and has not: zeros, not what it gave before.
    let second = Self.take(&device)
    #expect(second.answer == .bytes(64))
    #expect(second.bytes == [UInt8](repeating: 0, count: 64))
    try device.stop()
  }

  @Test(arguments: [1, 2, 63, 64])
  func only_what_was_written_is_used(_ count: Int) throws {
    let rig = Rig(
      isLegacy: false,
      [.init(bytes: Self.bytes, length: UInt32(count))]
    )
    var device = try rig.start()
    device.request()
    let taken = Self.take(&device)
    #expect(taken.answer == .bytes(count))
    #expect(taken.bytes == Array(Self.bytes.prefix(count)))
    try device.stop()
  }

  @Test func many_requests_go_round_the_ring() throws {
    let rig = Rig(isLegacy: false)
    var device = try rig.start()
    for number in 0..<100 as Range<UInt8> {
      rig.model.answers = [.init(bytes: [number, 1, 2])]
      device.request()
      let taken = Self.take(&device)
      #expect(taken.bytes == [number, 1, 2])
    }
    try device.stop()
  }

  // MARK: Waiting

  @Test func wait_ends_when_the_time_is_over() throws {
    let rig = Rig(isLegacy: false)
    var device = try rig.start()
    device.request()
    var looks = 0
    let answer = device.take(
      until: {
        looks += 1
        return looks == 5
      },
      { _ in Issue.record("there are no bytes") }
    )
    #expect(answer == .none)
    #expect(looks == 5)
    let isAsked = device.isAsked
    #expect(isAsked)
    // What comes late is taken at the next look.
    rig.model.answers = [.init(bytes: Self.bytes)]
    rig.model.answer()
    #expect(Self.take(&device).bytes == Self.bytes)
    try device.stop()
  }

  @Test func wait_ends_when_the_bytes_come() throws {
    let rig = Rig(isLegacy: false, [.init(bytes: Self.bytes)])
    rig.model.isSlow = true
    var device = try rig.start()
    device.request()
    var looks = 0
    var count = 0
    let answer = device.take(
      until: {
        looks += 1
        if looks == 3 { rig.model.answer() }
        return looks == 1000
      },
      { count += $0.byteCount }
    )
    #expect(answer == .bytes(64))
    #expect(looks == 3)
    #expect(count == 64)
    try device.stop()
  }

  @Test func wait_for_what_was_not_asked_for_ends_at_once() throws {
    let rig = Rig(isLegacy: false)
    var device = try rig.start()
    let answer = device.take(
      until: {
        Issue.record("it waits")
        return true
      },
      { _ in }
    )
    #expect(answer == .none)
    try device.stop()
  }
}
