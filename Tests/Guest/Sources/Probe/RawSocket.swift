import CRawSocket
import Glibc

/// Frames of an interface, as they are.
struct RawSocket: ~Copyable {
  private let descriptor: CInt
  /// The interface's hardware address.
  let hardware: [UInt8]

  init(device: String) throws {
    var hardware = [UInt8](repeating: 0, count: 6)
    // SAFETY: The array has the six bytes that are written.
    descriptor = unsafe raw_socket_open(device, &hardware)
    guard descriptor >= 0 else {
      throw ProbeFailure(
        "no frames on \(device): \(unsafe String(cString: strerror(errno)))"
      )
    }
    self.hardware = hardware
  }

  deinit { close(descriptor) }

  /// Sends a frame, and waits where there is no room.
  func send(_ frame: [UInt8]) throws {
    while true {
      // SAFETY: The array lives through the call.
      let count = unsafe Glibc.send(descriptor, frame, frame.count, 0)
      if count == frame.count { return }
      guard count < 0, errno == ENOBUFS || errno == EINTR else {
        throw ProbeFailure(
          "cannot send: \(unsafe String(cString: strerror(errno)))"
        )
      }
      sched_yield()
    }
  }

  /// The next frame, if one comes within so many milliseconds.
  func receive(within milliseconds: Int32) -> [UInt8]? {
    var wish = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    // SAFETY: One wish is looked at, and the array has the bytes said.
    guard unsafe poll(&wish, 1, milliseconds) == 1 else { return nil }
    var bytes = [UInt8](repeating: 0, count: 2048)
    let count = unsafe recv(descriptor, &bytes, bytes.count, 0)
    return count > 0 ? Array(bytes[..<count]) : nil
  }
}
