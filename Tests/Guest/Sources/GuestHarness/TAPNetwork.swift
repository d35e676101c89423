import Deadlines
import Foundation
import SystemPackage

/// A TAP device in a network namespace of its own, and dnsmasq, which gives
/// leases on it.
///
///     10.64.0.1/24  tap0  ⇄  the guest, 10.64.0.50 to .99
public struct TAPNetwork: Sendable {
  /// Where all this is.
  public let namespace: NetworkNamespace

  /// dnsmasq, whose standard error tells of each lease.
  public let server: Service

  /// The file in which dnsmasq keeps its leases.
  public let leaseFile: FilePath

  /// A folder for what the test makes, removed at the end.
  public let folder: FilePath

  /// The interface that QEMU opens.
  var guestDevice = Self.device

  /// What to give `--net` of run-qemu.sh.
  public static let argument = "tap:\(device)"

  /// The host's address on it.
  public static let hostAddress = "10.64.0.1"

  /// How long a lease is: dnsmasq's minimum.
  public static let leaseSeconds = 120

  /// When the guest has to renew it.
  public static let renewalSeconds = 5

  /// The interface's name.
  public static let device = "tap0"

  /// All leases, each as dnsmasq writes it: when it ends, MAC address, IP
  /// address, name, client identifier.
  public var leases: [[Substring]] {
    get throws {
      try String(contentsOfFile: leaseFile.string, encoding: .utf8)
        .split(separator: "\n").map { $0.split(separator: " ") }
    }
  }

  /// Makes such a network, which ends with `body`, once it is the turn of the
  /// guests that `body` boots one after the other: dnsmasq does not wait for
  /// ever.
  ///
  /// - Parameters:
  ///   - dnsmasq: Who gives leases.
  ///   - hasQueues: Whether the TAP device has as many queues as QEMU opens;
  ///     it must then open it so.
  ///   - body: What is done with it.
  /// - Throws: ``NetworkRefused`` where there may be none, and what `body`
  ///   throws.
  public static func with<Result: Sendable>(
    _ dnsmasq: Dnsmasq = Dnsmasq(),
    hasQueues: Bool = false,
    _ body: (TAPNetwork) async throws -> Result
  ) async throws -> Result {
    try await withDevice(hasQueues: hasQueues) { namespace, folder in
      try await dnsmasq.serving(in: namespace, folder, body)
    }
  }

  /// Makes the TAP device in a namespace of its own, and a folder, for `body`,
  /// which has to see to leases; both end with it.
  ///
  /// - Throws: ``NetworkRefused`` where there may be none, and what `body`
  ///   throws.
  public static func withDevice<Result: Sendable>(
    hasQueues: Bool = false,
    _ body: (NetworkNamespace, FilePath) async throws -> Result
  ) async throws -> Result {
    try requireDevice()
    return try await withGuestTurn {
      try await withTemporaryFolder { folder in
        try await withNetworkNamespace { namespace in
          for command in [
            ["link", "set", "lo", "up"],
            ["tuntap", "add", "dev", device, "mode", "tap"]
              + (hasQueues ? ["multi_queue"] : []),
            ["address", "add", "\(hostAddress)/24", "dev", device],
            ["link", "set", device, "up"],
          ] {
            try await runCommand("ip", command, in: namespace)
          }
          return try await body(namespace, folder)
        }
      }
    }
  }

  /// Finds out whether there may be such a network.
  ///
  /// - Throws: ``NetworkRefused`` with what to do about it.
  public static func requirePermission() async throws {
    try requireDevice()
    try await withNetworkNamespace { _ in }
  }

  private static func requireDevice() throws {
    let file = "/dev/net/tun"
    guard FileManager.default.isWritableFile(atPath: file) else {
      throw NetworkRefused(
        description: """
          The TAP tests need \(file), and may not write to it. Run them as \
          root, or: sudo modprobe tun && sudo chmod 666 \(file)
          """
      )
    }
  }
}

extension TAPNetwork {
  /// Waits until the server has renewed the lease of `address` so often.
  public func waitForRenewal(of address: String, times: Int) async throws {
    let limit = Duration.seconds(Self.renewalSeconds * times + 20)
    try await withDeadline(limit, waitingFor: "\(times) renewals") {
      var acknowledged = 0
      for await line in server.errors.reader()
      where line.contains("DHCPACK(") && line.contains(address) {
        acknowledged += 1
        // The first one is that of the lease itself.
        if acknowledged > times { return }
      }
      throw MissingLine(description: "dnsmasq ended")
    }
  }
}
