import CVhostUser
import Glibc

/// An open file, closed when nobody uses it.
final class FileDescriptor {
  let number: Int32

  /// Takes over `number`, which is open.
  init(owning number: Int32) { self.number = number }

  deinit { close(number) }

  /// An event: a counter that poll(2) sees when it is not 0. eventfd(2).
  static func event() throws(VhostUserError) -> FileDescriptor {
    let number = vhost_user_make_event()
    guard number >= 0 else { throw .system("eventfd", errno) }
    return FileDescriptor(owning: number)
  }

  /// Makes the event happen.
  func signal() {
    var one: UInt64 = 1
    // SAFETY: The eight bytes of `one`. It fails only when the counter is full,
    // and then the event has happened already.
    _ = unsafe Glibc.write(number, &one, 8)
  }

  /// Takes note of the event.
  func clear() {
    var count: UInt64 = 0
    // SAFETY: The eight bytes of `count`. It fails only when there was none.
    _ = unsafe Glibc.read(number, &count, 8)
  }
}
