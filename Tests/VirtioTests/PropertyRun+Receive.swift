import PCIModel
import Packets

@testable import Virtio

/// Frames from the device to the driver.
extension PropertyRun {
  var largestPacket: Int { device.mtu ?? 1500 }

  mutating func deliver() throws {
    let kind = Traffic.Kind.allCases.randomElement(using: &numbers) ?? .other
    let room = largestPacket + 14 - kind.headerSize
    number += 1
    let count = chance(10) ? room : random(4...min(room, 200))
    let frame = Traffic.frame(kind, number, payload: count)
    let offload: NetworkDeviceModel.Offload =
      chance(50) ? .none : chance(50) ? .valid : .partial
    say("deliver \(number) \(kind) \(frame.count) \(offload)")
    guard rig.model.deliver(frame, offload: offload) else { return }
    let isTold = rig.model.takes(.guestCsum) && offload != .none
    let isPartial = isTold && offload == .partial && kind != .other
    expected.append(
      Expected(
        bytes: isPartial ? Traffic.begun(frame) : frame,
        isVerified: isTold && (offload == .valid || isPartial),
        segmentSize: 0
      )
    )
  }

  mutating func deliverLarge() throws {
    typealias Wire = PacketHeaderFields.Segmentation
    let choices: [(Traffic.Kind, UInt8, [FeatureBit])] = [
      (.tcp4, Wire.tcp4, [.guestTSO4]), (.tcp6, Wire.tcp6, [.guestTSO6]),
      (.udp4, Wire.udpSegments, [.guestUSO4, .guestUSO6]),
      (.udp6, Wire.udpSegments, [.guestUSO4, .guestUSO6]),
      (.udp4, Wire.udpFragments, [.guestUFO]),
    ]
    guard let (kind, type, features) = choices.randomElement(using: &numbers)
    else { return }
    let isECN = kind.isTCP && chance(20)
    let size = random(100...(largestPacket + 14 - kind.headerSize))
    let most = chance(10) ? 65_535 - 60 : 6000
    let count = random(min(size + 1, most)...most)
    number += 1
    let packet = Traffic.frame(
      kind,
      number,
      payload: count,
      isCongestionMarked: isECN
    )
    let isTaken =
      features.contains(where: rig.model.takes)
      && (!isECN || rig.model.takes(.guestECN))
    say("large \(number) \(kind) \(count) by \(size), \(isTaken)")
    guard isTaken else {
      let frames = Segmentation.frames(packet, type: type, segmentSize: size)
      for frame in frames ?? [] where rig.model.deliver(frame) {
        expected.append(
          Expected(bytes: frame, isVerified: false, segmentSize: 0)
        )
      }
      return
    }
    let offload = NetworkDeviceModel.Offload.large(
      type: type,
      segmentSize: size,
      isECN: isECN
    )
    guard rig.model.deliver(packet, offload: offload) else { return }
    expected.append(
      Expected(
        bytes: Traffic.begun(packet),
        isVerified: true,
        segmentSize: size
      )
    )
  }

  mutating func receive(atMost limit: Int) throws {
    say("receive")
    for _ in 0..<limit {
      guard let packet = device.receive() else {
        try check(
          expected.isEmpty || rig.model.stalled.contains(0),
          "\(expected.count) frames did not come"
        )
        return
      }
      guard let next = expected.first else {
        throw Fault(description: "a frame of nobody came")
      }
      expected.removeFirst()
      let arrived = wholeBytes(packet)
      try check(
        arrived == next.bytes,
        "\(arrived.count) bytes came instead of \(next.bytes.count)"
      )
      let isVerified = packet.isChecksumVerified
      try check(isVerified == next.isVerified, "verified: \(isVerified)")
      let size = packet.mergedSegmentSize
      try check(size == next.segmentSize, "segments of \(size)")
      if held.count < 3, chance(30) {
        heldSlots += 1 + packet.fragmentCount
        held.append(packet)
      }
    }
  }

  func wholeBytes(_ packet: borrowing PacketBuffer) -> [UInt8] {
    var all = bytes(of: packet)
    for index in 0..<packet.fragmentCount {
      let part = packet.fragmentBytes(index)
      all += (0..<part.byteCount).map { part.byte(at: $0) }
    }
    return all
  }
}
