import CRawSocket
import Glibc

/// Frames of an interface, or messages of ICMP, as they are.
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

  /// The other end of TAP interface `device`: what is sent is what it receives.
  init(cableOf device: String) throws {
    // SAFETY: The call does not keep the name.
    descriptor = unsafe tap_open(device)
    guard descriptor >= 0 else {
      throw ProbeFailure(
        "no cable of \(device): \(unsafe String(cString: strerror(errno)))"
      )
    }
    hardware = []
  }

  /// The ICMP messages between us and `host`. What is sent begins with their
  /// header, what is received with that of IP.
  init(messagesOf host: String) throws {
    // SAFETY: The call does not keep the address.
    descriptor = unsafe icmp_open(host)
    guard descriptor >= 0 else {
      throw ProbeFailure(
        "no ICMP to \(host): \(unsafe String(cString: strerror(errno)))"
      )
    }
    hardware = []
  }

  deinit { close(descriptor) }

  /// Sends a frame, and waits where there is no room.
  func send(_ frame: [UInt8]) throws {
    while true {
      // SAFETY: The array lives through the call.
      let count = unsafe write(descriptor, frame, frame.count)
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
    let count = unsafe read(descriptor, &bytes, bytes.count)
    return count > 0 ? Array(bytes[..<count]) : nil
  }

  /// Waits until one of two has a frame, for so many milliseconds at the most.
  static func wait(
    for one: borrowing RawSocket,
    or other: borrowing RawSocket,
    within milliseconds: Int32
  ) {
    var wishes = [one.descriptor, other.descriptor].map {
      pollfd(fd: $0, events: Int16(POLLIN), revents: 0)
    }
    // SAFETY: The array has the two wishes that are looked at.
    _ = unsafe poll(&wishes, 2, milliseconds)
  }
}
