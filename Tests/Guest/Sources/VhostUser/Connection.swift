import CVhostUser
import Glibc

/// The connection to QEMU, over which messages come.
final class Connection {
  let file: FileDescriptor

  init(_ file: FileDescriptor) { self.file = file }

  /// Waits for the next message; `nil` when QEMU has closed the connection.
  func receive() throws(VhostUserError) -> Message? {
    var files: [FileDescriptor] = []
    guard
      let header = try read(Message.headerSize, files: &files),
      !header.isEmpty
    else { return nil }
    let fields = Message(request: 0, flags: 0, payload: header, files: [])
    let size = Int(try fields.number32(8))
    guard size <= Message.largestPayload else {
      throw .badMessage("a payload of \(size) bytes")
    }
    guard let payload = try read(size, files: &files) else {
      throw .connectionEnded
    }
    return Message(
      request: try fields.number32(0),
      flags: try fields.number32(4),
      payload: payload,
      files: files
    )
  }

  /// Answers `message` with a number: 64 bits, or a ring's index and 32 bits.
  func reply(to message: Message, _ words: [UInt32]) throws(VhostUserError) {
    let header = [
      message.request, Message.Flag.version | Message.Flag.reply,
      UInt32(words.count * 4),
    ]
    let bytes = (header + words).flatMap { word in
      [0, 8, 16, 24].map { UInt8(truncatingIfNeeded: word >> $0) }
    }
    // SAFETY: All bytes of the array. MSG_NOSIGNAL: an error, not a signal,
    // when the other end is gone.
    let sent = unsafe bytes.withUnsafeBytes { buffer in
      unsafe send(
        file.number,
        buffer.baseAddress,
        buffer.count,
        Int32(MSG_NOSIGNAL)
      )
    }
    guard sent == bytes.count else { throw .system("send", errno) }
  }

  /// Reads exactly `count` bytes; `nil` when the connection ended before.
  private func read(
    _ count: Int,
    files: inout [FileDescriptor]
  ) throws(VhostUserError) -> [UInt8]? {
    var bytes = [UInt8](repeating: 0, count: count)
    var filled = 0
    while filled < count {
      var numbers = [Int32](
        repeating: -1,
        count: VHOST_USER_MOST_DESCRIPTORS
      )
      var numberCount = 0
      // SAFETY: The rest of the array, and as many descriptors as it says.
      let received = unsafe bytes.withUnsafeMutableBytes { buffer in
        unsafe vhost_user_receive(
          file.number,
          buffer.baseAddress! + filled,
          count - filled,
          &numbers,
          &numberCount
        )
      }
      files += numbers.prefix(numberCount).map(FileDescriptor.init(owning:))
      guard received >= 0 else { throw .system("recvmsg", errno) }
      guard received > 0 else { return nil }
      filled += received
    }
    return bytes
  }
}
