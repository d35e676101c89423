import CVhostUser
import Foundation
import Glibc

/// A network device behind QEMU's vhost-user, with a small peer on its wire; it
/// does what VIRTIO says, but for the lies that it is asked to tell.
///
///     guest's driver  ⇄ rings in shared memory ⇄  this  ⇄  the peer
///                       QEMU ⇄ messages       ⇄
///
/// QEMU is to be given ``qemuArguments(device:memory:)``. It is the one that
/// connects, and connects again.
public final class LyingDevice: Sendable {
  private let board = Board()
  private let wake: Int32
  private let socket: String

  /// Listens at `socket`, a path where nothing is yet, and serves whoever
  /// connects.
  ///
  /// - Parameters:
  ///   - socket: Of at most 107 bytes.
  ///   - features: What the device offers.
  ///   - seed: Of what is random about the lies.
  public init(
    socket: String,
    features: DeviceFeatures,
    seed: UInt64
  ) throws(VhostUserError) {
    self.socket = socket
    // SAFETY: The path is a C string for as long as the call takes.
    let number = unsafe vhost_user_listen(socket)
    guard number >= 0 else { throw .system("listen", errno) }
    let listener = FileDescriptor(owning: number)
    let event = try FileDescriptor.event()
    wake = dup(event.number)
    guard wake >= 0 else { throw .system("dup", errno) }
    let device = Device(
      board: board,
      listener: listener,
      wake: event,
      offered: features,
      seed: seed
    )
    // Handed to the one thread that uses it.
    nonisolated(unsafe) let handedOver = device
    Thread.detachNewThread { unsafe handedOver.run() }
  }

  deinit {
    end()
    close(wake)
  }

  /// What makes QEMU's machine have this device.
  ///
  /// QEMU 7.2 crashes when MSI-X is used with vhost-user and without KVM, so a
  /// device on PCI is to have `vectors=0`.
  ///
  /// - Parameters:
  ///   - device: QEMU's name of it, and its options:
  ///     `["virtio-net-pci", "vectors=0", "packed=on"]`.
  ///   - memory: Of the guest, in MiB. The device shares it.
  public func qemuArguments(device: [String], memory: Int) -> [String] {
    [
      "-object",
      "memory-backend-memfd,id=shared,size=\(memory)M,share=on",
      "-machine", "memory-backend=shared",
      // It connects again after a second when the device has hung up.
      "-chardev", "socket,id=lying,path=\(socket),reconnect=1",
      "-netdev", "vhost-user,id=lying,chardev=lying",
      "-device", (device + ["netdev=lying"]).joined(separator: ","),
    ]
  }

  /// What the device has done and seen.
  public var report: Report { board.report }

  /// Tells `lie` that many times from now on, then behaves again. A lie that
  /// was not told to its end is given up.
  public func tell(_ lie: Lie, times: Int) {
    board.tell(lie, times: times)
    signal()
  }

  /// Waits for a report that `isReached` takes.
  ///
  /// - Returns: That report; `nil` when the device or the task has ended.
  public func waitUntil(
    _ isReached: @Sendable (Report) -> Bool
  ) async -> Report? {
    for await report in board.reader() where isReached(report) {
      return report
    }
    return nil
  }

  /// Sends `bytes` to a TCP port of the guest, and ends that side.
  ///
  /// One exchange at a time.
  ///
  /// - Returns: What the guest sends until it ends its side, or resets the
  ///   connection; `nil` when the device or the task has ended.
  public func exchange(port: UInt16, _ bytes: [UInt8]) async -> [UInt8]? {
    let identifier = board.order(port: port, bytes: bytes)
    signal()
    for await _ in board.reader() {
      if let result = board.result(of: identifier) { return result }
    }
    return nil
  }

  /// Ends the device: it hangs up.
  public func end() {
    board.end()
    signal()
  }

  private func signal() {
    var one: UInt64 = 1
    // SAFETY: The eight bytes of `one`.
    _ = unsafe write(wake, &one, 8)
  }
}
