import Deadlines
import Foundation
import GuestHarness
import SystemPackage
import Testing
import VhostUser

/// A machine with two network devices: a ``LyingDevice``, and one of QEMU's on
/// its user network.
struct LyingMachine: Sendable, CustomTestStringConvertible {
  let testDescription: String
  /// What the lying device offers.
  let features: DeviceFeatures
  /// Options of QEMU's `-device`.
  let options: [String]

  /// In MiB.
  private static let memory = 64

  /// Whether the guest finds the lying device first, so that its services are
  /// there; the other device then has a stack to itself.
  var isFirst = true

  /// A function of the ISA bridge's slot comes before the device of run-qemu.sh,
  /// which gets the first free slot.
  private var place: String { isFirst ? "addr=01.7" : "addr=10" }

  /// Boots the Demo, waits until it has its lease of the lying device's peer
  /// and answers its pings, and runs `body`.
  func boot<Result: Sendable>(
    seed: UInt64,
    _ body: @Sendable (LyingGuest) async throws -> Result
  ) async throws -> Result {
    try await withTemporaryFolder { folder in
      let device = try LyingDevice(
        socket: folder.appending("lying").string,
        features: features,
        seed: seed
      )
      defer { device.end() }
      let services = try await DemoServices()
      var options = GuestOptions()
      options.machine = "pc"
      // Each lie takes a second or two.
      options.timeout = 400
      options.memory = Self.memory
      options.forwards = services.forwards
      options.qemuArguments =
        device.qemuArguments(
          device: ["virtio-net-pci", "romfile=", "vectors=0", place]
            + self.options,
          memory: Self.memory
        )
      return try await withGuest(options) { guest in
        try await guest.output.waitForLine(
          containing: isFirst ? "net: bound 10.77.0.2/24" : "demo: ready",
          within: DemoServices.readyLimit
        )
        let lying = LyingGuest(
          guest: guest,
          device: device,
          otherServices: services
        )
        try await lying.waitUntil("5 pings are answered") { $0.pongs >= 5 }
        return try await body(lying)
      }.result
    }
  }
}

/// A guest, and the device that lies to it.
struct LyingGuest: Sendable {
  let guest: Service
  let device: LyingDevice
  /// What the guest serves on the other device, if that is its first.
  let otherServices: DemoServices

  /// How long anything may take on a busy machine.
  private static let limit = Duration.seconds(40)

  /// Waits for a report of the device.
  @discardableResult
  func waitUntil(
    _ event: String,
    _ isReached: @escaping @Sendable (Report) -> Bool
  ) async throws -> Report {
    let device = device
    return try await withDeadline(
      Self.limit,
      waitingFor: "\(event); \(device.report)"
    ) {
      guard let report = await device.waitUntil(isReached) else {
        throw DeviceEnded(description: "the device ended: \(device.report)")
      }
      return report
    }
  }

  /// Tells a lie, and waits until pings are answered again.
  ///
  /// - Returns: The reports from before and after.
  func tell(_ lie: Lie, times: Int) async throws -> (Report, Report) {
    let before = device.report
    device.tell(lie, times: times)
    let after = try await waitUntil("pings are answered after \(lie)") {
      $0.liesLeft == 0 && $0.pongsSinceLie >= 5
    }
    return (before, after)
  }

  /// Sends `bytes` to a TCP service of the guest.
  ///
  /// - Returns: What it answers.
  func exchange(port: UInt16, _ bytes: [UInt8]) async throws -> [UInt8] {
    let device = device
    return try await withDeadline(
      Self.limit,
      waitingFor: "port \(port) to answer; \(device.report)"
    ) {
      guard let answer = await device.exchange(port: port, bytes) else {
        throw DeviceEnded(description: "the device ended: \(device.report)")
      }
      return answer
    }
  }

  /// The status page, over the lying device itself.
  func statusPage() async throws -> StatusPage {
    let answer = try await exchange(
      port: 80,
      Array("GET / HTTP/1.1\r\nHost: apus\r\nConnection: close\r\n\r\n".utf8)
    )
    return StatusPage(html: String(decoding: answer, as: UTF8.self))
  }

  /// How often the console says that the device was started again.
  var restarts: Int {
    guest.output.lines.count {
      $0.contains("was reset and started again")
    }
  }

  /// What the console says of a panic.
  var panic: String? { guest.output.lines.first { $0.hasPrefix("panic: ") } }
}

/// The lying device ended too early.
private struct DeviceEnded: Error {
  let description: String
}

extension StatusPage {
  /// What the counters of a network device begin with: the first one's with
  /// nothing.
  private static func prefix(_ interface: Int) -> String {
    interface == 0 ? "" : "net\(interface) "
  }

  /// Frames that the driver of a network device dropped for what the device said
  /// of them.
  func framesDropped(interface: Int) -> Int {
    let name = "\(Self.prefix(interface))virtio: dropped"
    return counters.reduce(0) { sum, counter in
      counter.name.hasPrefix(name) && counter.name != "\(name), lost to a reset"
        ? sum + counter.value : sum
    }
  }

  /// How often a network device was started again.
  func restarts(interface: Int) -> Int {
    counter("\(Self.prefix(interface))virtio: restarts")
  }
}
