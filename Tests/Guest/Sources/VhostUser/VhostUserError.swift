import Glibc

/// Why a device cannot go on.
public enum VhostUserError: Error, CustomStringConvertible {
  /// A call of the system failed; its name and errno.
  case system(StaticString, Int32)
  /// The connection to QEMU ended within a message.
  case connectionEnded
  /// QEMU sent what the protocol does not allow.
  case badMessage(String)
  /// The driver did what VIRTIO does not allow.
  case badDriver(String)

  /// What happened.
  public var description: String {
    switch self {
    case .system(let call, let code):
      // SAFETY: strerror gives a C string for any number.
      "\(call): \(unsafe String(cString: strerror(code)))"
    case .connectionEnded: "the connection ended within a message"
    case .badMessage(let text): "vhost-user: \(text)"
    case .badDriver(let text): "the driver: \(text)"
    }
  }
}
