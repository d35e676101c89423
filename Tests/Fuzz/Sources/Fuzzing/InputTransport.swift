import PCI
@testable import Virtio

/// A transport with a device behind it that does what an input says, in the
/// rings that it is given.
public struct InputTransport: Transport {
  /// What the device is, and what it knows.
  public final class State {
    let input: Input
    let offered: Features
    let queueSize: UInt16
    /// The features that the driver has accepted.
    public internal(set) var accepted: Features = []
    var status: DeviceStatus = []
    var queues: [UInt16: RingDevice] = [:]
    /// Chains that the device has, by queue.
    var held: [UInt16: [RingDevice.Chain]] = [:]
    /// The memory of the driver that the device was told of.
    var memory: [UInt64: Int] = [:]

    init(_ input: Input, _ offered: Features, queueSize: UInt16) {
      self.input = input
      self.offered = offered
      self.queueSize = queueSize
    }
  }

  /// The device.
  public let state: State
  /// See ``Transport``.
  public let isLegacy: Bool
  /// See ``Transport``.
  public var hasFixedQueueSizes: Bool { isLegacy }

  /// A device with the features and queues that `input` says first.
  public init(_ input: Input) {
    let flags = input.byte()
    isLegacy = flags & 1 != 0
    var features = Features(rawValue: input.number())
    // A legacy device has but 32 bits for them; another must offer this one.
    if isLegacy {
      features.formIntersection(Features(rawValue: UInt64(UInt32.max)))
    } else {
      features.insert(.version1)
    }
    state = State(
      input,
      features,
      queueSize: 2 << UInt16(input.index(below: 7))
    )
  }

  /// See ``Transport``.
  public var status: DeviceStatus {
    get {
      // A driver that waits reads this again and again.
      state.answerCommands()
      return state.status
    }
    nonmutating set {
      state.status = newValue
      guard newValue.isEmpty else { return }
      state.queues = [:]
      state.held = [:]
      state.memory = [:]
    }
  }

  /// See ``Transport``.
  public var offeredFeatures: Features { state.offered }

  /// See ``Transport``.
  public func accept(_ features: Features) { state.accepted = features }

  /// See ``Transport``.
  public func largestQueueSize(_ index: UInt16) -> UInt16 { state.queueSize }

  /// See ``Transport``.
  public var queueCount: UInt16? { nil }

  /// See ``Transport``.
  public func enableQueue(
    _ index: UInt16,
    _ rings: RingAddresses,
    vector: UInt16?
  ) throws(VirtioError) -> Doorbell {
    state.queues[index] = RingDevice(
      rings,
      isPacked: state.accepted.contains(.ringPacked)
    )
    return Doorbell(
      register: RegisterAddress(space: .memory, address: UInt64(index)),
      takesData: true
    )
  }

  /// See ``Transport``.
  public func notify(_ index: UInt16, _ doorbell: Doorbell, data: UInt32?) {}

  /// See ``Transport``.
  public var canResetQueues: Bool { true }

  /// See ``Transport``.
  public func resetQueue(_ index: UInt16) throws(VirtioError) {
    guard state.input.byte() != 0xFF else { throw VirtioError.resetFailed }
    state.queues[index] = nil
    state.held[index] = nil
  }

  /// See ``Transport``.
  public func setConfigurationVector(_ vector: UInt16) throws(VirtioError) {}

  /// See ``Transport``.
  public func acknowledgeInterrupt() -> InterruptReasons {
    InterruptReasons(rawValue: state.input.byte())
  }

  /// See ``Transport``.
  public var configurationSize: Int { 24 }

  /// See ``Transport``.
  public func configuration8(_ offset: Int) -> UInt8 { state.input.byte() }

  /// See ``Transport``.
  public func configuration16(_ offset: Int) -> UInt16 { state.input.number() }

  /// See ``Transport``.
  public func configuration32(_ offset: Int) -> UInt32 { state.input.number() }

  /// See ``Transport``.
  public func writeConfiguration8(_ offset: Int, _ value: UInt8) {}

  /// See ``Transport``.
  public var configurationGeneration: UInt32 { UInt32(state.input.byte()) }

  /// See ``Transport``.
  public func deviceAddress(of address: UInt, byteCount: Int) -> UInt64 {
    // The most there ever was: a device that has lied still has the chain of a
    // longer packet, whose slot holds a shorter one by now.
    state.memory[UInt64(address), default: 0] = max(
      byteCount,
      state.memory[UInt64(address)] ?? 0
    )
    return UInt64(address)
  }
}

extension InputTransport.State {
  /// Takes what the driver has made available in queue `index`.
  func takeAvailable(_ index: UInt16) {
    while let chain = queues[index]?.take() {
      held[index, default: []].append(chain)
    }
  }

  /// Writes `bytes` into a chain of queue `index` that the device holds, and
  /// gives it back as one of `length` bytes.
  public func fill(_ index: UInt16, _ bytes: [UInt8], length: UInt32) {
    takeAvailable(index)
    guard let count = held[index]?.count, count > 0,
      let chain = held[index]?.remove(at: input.index(below: count))
    else { return }
    var rest = bytes[...]
    for part in chain.parts {
      let piece = rest.prefix(Int(part.length))
      rest = rest.dropFirst(piece.count)
      write(piece, at: part.address)
    }
    queues[index]?.use(
      chain.identifier,
      length: length,
      skipping: chain.ringCount
    )
  }

  /// Answers what was asked by control queues, or does not, or lies. A command
  /// is a chain whose last part is of one byte. VIRTIO 1.2 §5.1.6.5.
  func answerCommands() {
    guard input.count > 0 else { return }
    for index in queues.keys.sorted() where index >= 2 && index & 1 == 0 {
      takeAvailable(index)
      guard let chain = held[index]?.first, chain.parts.count > 1,
        let last = chain.parts.last, last.length == 1
      else { continue }
      let choice = input.byte()
      guard choice < 0xE0 else { continue }
      held[index]?.removeFirst()
      let isHonest = choice < 0x80
      write([isHonest ? 0 : input.byte()], at: last.address)
      queues[index]?.use(
        chain.identifier,
        length: isHonest ? 1 : input.number(),
        skipping: chain.ringCount
      )
    }
  }

  /// Gives back what the driver never made available, or not now.
  public func lie(_ index: UInt16) {
    let identifier = UInt16(input.byte())
    let length = input.number(as: UInt32.self)
    queues[index]?.use(identifier, length: length, skipping: 1)
  }

  private func write(_ bytes: ArraySlice<UInt8>, at address: UInt64) {
    check(
      memory.contains {
        $0.key <= address
          && address + UInt64(bytes.count) <= $0.key + UInt64($0.value)
      },
      "a descriptor of memory that the device was not told of"
    )
    // SAFETY: The driver has told the device of the memory, and holds it.
    let start = unsafe UnsafeMutablePointer<UInt8>(bitPattern: UInt(address))!
    for (offset, byte) in bytes.enumerated() { unsafe start[offset] = byte }
  }
}
