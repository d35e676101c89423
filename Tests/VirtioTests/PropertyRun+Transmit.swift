import PCIModel
import Packets

@testable import Virtio

/// Frames from the driver to the device.
extension PropertyRun {
  mutating func transmit() throws {
    let kind = Traffic.Kind.allCases.randomElement(using: &numbers) ?? .other
    let fragments = random(0...min(3, device.mostFragments))
    let room = min(
      largestPacket + 14 - kind.headerSize,
      1600 + Self.fragmentSize * fragments
    )
    number += 1
    let count = chance(10) ? room : random(4...min(room, 200))
    let frame = Traffic.frame(kind, number, payload: count)
    let isPartial = kind != .other && chance(40)
    say("transmit \(number) \(kind) \(frame.count) \(isPartial)")
    guard device.canTransmit(),
      var packet = packet(
        isPartial ? Traffic.begun(frame) : frame,
        first: kind.headerSize,
        fragments: fragments
      )
    else { return }
    if isPartial {
      packet.partialChecksum = .init(
        start: kind.headerSize - (kind.isTCP ? 20 : 8),
        field: kind.isTCP ? 16 : 6
      )
    }
    device.transmit(packet)
    guard !isPartial || device.features.contains(.csum) else {
      return try checkRefused()
    }
    given.append(isPartial ? Traffic.begun(frame) : frame)
    wire.append([frame])
  }

  mutating func transmitLarge() throws {
    typealias Wire = PacketHeaderFields.Segmentation
    let choices: [(Traffic.Kind, SegmentationKind, UInt8, Features)] = [
      (.tcp4, .tcp4, Wire.tcp4, .hostTSO4),
      (.tcp6, .tcp6, Wire.tcp6, .hostTSO6),
      (.udp4, .udp, Wire.udpSegments, .hostUSO),
      (.udp6, .udp, Wire.udpSegments, .hostUSO),
      (.udp4, .udpFragments, Wire.udpFragments, .hostUFO),
    ]
    guard
      let (kind, segmentation, type, feature) = choices.randomElement(
        using: &numbers
      )
    else { return }
    let isECN = kind.isTCP && chance(20)
    let size = random(100...(largestPacket + 14 - kind.headerSize))
    let fragments = min(device.mostFragments, 20)
    let room = 1000 + Self.fragmentSize * fragments
    let count = chance(10) ? room : random(4...min(room, 4000))
    number += 1
    let frame = Traffic.frame(
      kind,
      number,
      payload: count,
      isCongestionMarked: isECN
    )
    say("transmit large \(number) \(kind) \(count) by \(size)")
    guard device.canTransmit(),
      var packet = packet(
        Traffic.begun(frame),
        first: kind.headerSize,
        fragments: fragments
      )
    else { return }
    packet.partialChecksum = .init(
      start: kind.headerSize - (kind.isTCP ? 20 : 8),
      field: kind.isTCP ? 16 : 6
    )
    packet.segmentation = .init(
      kind: segmentation,
      segmentSize: size,
      headerSize: kind.headerSize,
      isCongestionMarked: isECN
    )
    device.transmit(packet)
    let needed: Features = isECN ? [feature, .hostECN] : feature
    guard device.features.isSuperset(of: needed) else {
      return try checkRefused()
    }
    given.append(Traffic.begun(frame))
    wire.append(
      Segmentation.frames(frame, type: type, segmentSize: size) ?? []
    )
  }

  /// A packet of the pool with `bytes`: `first` of them at least in its first
  /// slot, the rest in up to `fragments` others; `nil` when the pool is empty.
  func packet(
    _ bytes: [UInt8],
    first: Int,
    fragments: Int
  ) -> PacketBuffer? {
    guard rig.pool.available > fragments,
      var packet = rig.pool.allocate(headroom: 32)
    else { return nil }
    let inFirst =
      fragments == 0
      ? bytes.count : max(first, bytes.count - Self.fragmentSize * fragments)
    packet.append(copying: Array(bytes[..<inFirst]).rawBytes)
    var rest = bytes[inFirst...]
    let share = max(1, (rest.count + max(fragments, 1) - 1) / max(fragments, 1))
    while !rest.isEmpty, var fragment = rig.pool.allocate(headroom: 5) {
      fragment.append(copying: Array(rest.prefix(share)).rawBytes)
      rest = rest.dropFirst(share)
      packet.append(fragment: fragment)
    }
    return packet
  }

  mutating func checkRefused() throws {
    refused += 1
    let count = device.counters.transmitUnsupported
    try check(count == refused, "\(count) refused instead of \(refused)")
  }
}
