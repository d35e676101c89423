/// Filters and steering of what comes in. VIRTIO 1.2 §5.1.6.5.1 to §5.1.6.5.3,
/// §5.1.6.5.5 to §5.1.6.5.7.
extension NetworkDeviceModel {
  /// How frames are spread over the queues where the driver has not said.
  enum Steering {
    /// To the queue on which the driver sends the flow, others by their hash.
    case byFlow
    /// One queue after the other.
    case roundRobin
  }

  /// The flows that the driver has sent.
  struct FlowTable {
    var queues: [[UInt8]: Int] = [:]
    var next = 0

    mutating func note(_ frame: ParsedFrame, queue: Int) {
      if frame.transport != nil { queues[frame.reversed] = queue - 1 }
    }
  }

  /// Whether the driver wants a frame.
  func accepts(_ frame: ParsedFrame) -> Bool {
    if has(.ctrlVLAN), let vlan = frame.vlan, !control.vlans.contains(vlan) {
      return false
    }
    // Without the command there is nothing by which to ask for more.
    guard has(.ctrlRX) else { return true }
    let modes = control.modes
    if modes.contains(.promiscuous) { return true }
    if frame.isBroadcast { return !modes.contains(.noBroadcast) }
    let isListed = control.table.contains(frame.destination)
    if frame.isMulticast {
      return !modes.contains(.noMulticast)
        && (modes.contains(.allMulticast) || isListed)
    }
    return !modes.contains(.noUnicast)
      && (modes.contains(.allUnicast) || isListed
        || frame.destination == control.macAddress)
  }

  /// The receive queue for a frame.
  func steer(_ frame: ParsedFrame) -> Int {
    if let scaling = control.scaling {
      // §5.1.6.5.7.2
      guard let hash = hash(of: frame) else { return scaling.unclassified }
      return scaling.table[Int(hash.value) & (scaling.table.count - 1)]
    }
    guard control.pairs > 1 else { return 0 }
    switch steering {
    case .roundRobin:
      flows.next = (flows.next + 1) % control.pairs
      return 2 * flows.next
    case .byFlow:
      let flow = frame.addresses + frame.ports
      if let queue = flows.queues[flow], queue / 2 < control.pairs {
        return queue
      }
      return 2 * (Int(Checksum.sum(flow)) % control.pairs)
    }
  }

  /// The hash of a frame and which one it is. §5.1.6.4.3: transport first,
  /// then addresses alone. §5.1.6.4.4: report n is type 1 << (n - 1).
  func hash(of frame: ParsedFrame) -> (value: UInt32, report: UInt16)? {
    guard let version = frame.version else { return nil }
    let base: UInt16 = version == 4 ? 1 : 4
    let transport: UInt16? =
      switch frame.transport {
      case .tcp: base + 1
      case .udp: base + 2
      case nil: nil
      }
    func isOn(_ report: UInt16) -> Bool {
      control.hashTypes & 1 << UInt32(report - 1) != 0
    }
    if let transport, isOn(transport) {
      let input = frame.addresses + frame.ports
      return (Checksum.toeplitz(key: control.hashKey, input), transport)
    }
    guard isOn(base) else { return nil }
    return (Checksum.toeplitz(key: control.hashKey, frame.addresses), base)
  }
}
