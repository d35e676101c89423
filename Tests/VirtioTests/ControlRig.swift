import PCI
import PCIModel
import Packets
import Testing

@testable import Virtio

/// A device with a control queue, and the driver started on it with settings
/// of the test's.
final class ControlRig {
  typealias Device = NetworkDevice<DeviceTransport<ModelHost>>
  typealias Build = NetworkDeviceModel.Build

  let machine = ModelMachine()
  let model: NetworkDeviceModel
  let pool = PacketPool(capacity: 64)
  let isLegacy: Bool
  /// The vectors of the table; 0: by the line.
  let vectors: UInt16
  private(set) var receivePool: PacketPool?

  /// All that the control queue can do, and what its filters go by.
  static let controls = FeatureBit.bits(
    .mac,
    .status,
    .ctrlVQ,
    .ctrlRX,
    .ctrlRXExtra,
    .ctrlVLAN,
    .ctrlMACAddr,
    .guestAnnounce,
    .anyLayout,
    .version1
  )

  init(
    _ build: Build = Build(offered: ControlRig.controls),
    isLegacy: Bool = false,
    vectors: UInt16 = 0
  ) {
    self.isLegacy = isLegacy
    self.vectors = vectors
    model = NetworkDeviceModel(build, in: machine)
    machine.root.add(model, 3)
  }

  /// Starts the driver; `adjust` changes its settings.
  func start(
    memory: Int = 64 * PacketPool.defaultSlotSize,
    _ adjust: (inout NetworkSettings) -> Void = { _ in }
  ) throws(VirtioError) -> Device {
    let host = machine.host
    let functions = enumerate(host)
    let entry = AddressAssignment(functions, host).entries[0]
    AddressAssignment([entry.function], host).enable(entry.function, host)
    if vectors > 0, let msix = MSIX(host, entry) {
      msix.enable()
      for vector in 0..<Int(vectors) {
        msix.setVector(
          vector,
          address: 0xFEE0_0000,
          data: 0x40 + UInt32(vector)
        )
      }
    }
    let transport = try DeviceTransport(
      host,
      entry,
      hasVectors: vectors > 0,
      choice: isLegacy ? .legacy : .automatic
    )
    var settings = NetworkSettings(
      receiveMemory: memory,
      randomBits: 0x0123_4567_89AB_CDEF,
      vectors: vectors > 1
        ? .perQueue(configuration: 0, first: 1, count: vectors - 1) : nil
    )
    settings.without = []
    settings.controlReads = 20
    settings.polledReads = 20
    adjust(&settings)
    let device = try Device.start(transport, settings)
    receivePool = device.receivePool
    model.freePackets = { [pool, receivePool] in
      pool.available + (receivePool?.available ?? 0)
    }
    return device
  }

  /// A frame of the pool with these bytes, ready to be sent.
  func packet(_ bytes: [UInt8]) -> PacketBuffer? {
    guard var packet = pool.allocate(headroom: 32) else { return nil }
    packet.append(copying: bytes.rawBytes)
    return packet
  }

  /// Whether all packets are back.
  var hasAllPackets: Bool {
    pool.available == pool.capacity
      && receivePool?.available == receivePool?.capacity
  }

  /// The commands that came since the last time.
  func takeCommands() -> [String] {
    defer { model.commands = [] }
    return model.commands.map { command in
      let data = command.data.map { String($0, radix: 16) }
      return "\(command.kind).\(command.command) " + data.joined(separator: " ")
    }
  }
}

/// An address as the driver takes it.
func address(_ last: Int, isGroup: Bool = false) -> UInt64 {
  (isGroup ? 0x0100_5E00_0000 : 0x0600_0000_0000) + UInt64(last)
}

/// The octets of one.
func octets(_ bits: UInt64) -> [UInt8] {
  big(bits).suffix(6)
}

/// A frame from somebody to `destination`.
func frame(to destination: UInt64, _ number: Int = 0) -> [UInt8] {
  octets(destination) + octets(0x0200_0000_0001) + [0x88, 0xB5]
    + [UInt8](repeating: UInt8(truncatingIfNeeded: number), count: 46)
}

/// Expects that a call fails, and why.
func expect(
  _ expected: ControlError,
  _ location: SourceLocation = #_sourceLocation,
  _ body: () throws(ControlError) -> Void
) {
  var failure: ControlError?
  do throws(ControlError) { try body() } catch { failure = error }
  #expect(failure == expected, sourceLocation: location)
}

/// The same for calls that fail as the device does.
func expect(
  _ expected: VirtioError,
  _ location: SourceLocation = #_sourceLocation,
  _ body: () throws(VirtioError) -> Void
) {
  var failure: VirtioError?
  do throws(VirtioError) { try body() } catch { failure = error }
  #expect(failure == expected, sourceLocation: location)
}
