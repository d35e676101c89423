import CVhostUser
import Glibc

/// A file of another process's memory, mapped until nobody uses it.
@safe
final class Mapping {
  let count: Int
  private let base: UnsafeMutableRawPointer

  /// Maps the first `count` bytes of the file, or says why not.
  init(of file: FileDescriptor, count: Int) throws(VhostUserError) {
    // SAFETY: A new mapping, at an address that the kernel chooses.
    let address = unsafe mmap(
      nil,
      count,
      PROT_READ | PROT_WRITE,
      MAP_SHARED,
      file.number,
      0
    )
    guard let address = unsafe address, unsafe address != MAP_FAILED else {
      throw .system("mmap", errno)
    }
    unsafe base = address
    self.count = count
  }

  // SAFETY: Whoever has a view of the mapping keeps this alive.
  deinit { unsafe munmap(base, count) }

  /// The address of `count` bytes at `offset`.
  func address(_ offset: Int, count: Int) -> UnsafeMutableRawPointer {
    precondition(
      offset >= 0 && count >= 0 && offset <= self.count - count,
      "outside of the mapping"
    )
    return unsafe base + offset
  }
}

/// Bytes that a guest uses at the same time. Every access is checked to be
/// within them; numbers are little-endian, VIRTIO 1.2 §1.4.
struct SharedMemory {
  private let mapping: Mapping
  private let start: Int
  /// How many bytes there are.
  let count: Int

  /// - Precondition: They are within the mapping.
  init(_ mapping: Mapping, at start: Int, count: Int) {
    precondition(start >= 0 && count >= 0 && start <= mapping.count - count)
    self.mapping = mapping
    self.start = start
    self.count = count
  }

  /// `count` of them, from `offset` on.
  func slice(at offset: Int, count: Int) -> SharedMemory {
    precondition(offset >= 0 && count >= 0 && offset <= self.count - count)
    return SharedMemory(mapping, at: start + offset, count: count)
  }

  private func address(_ offset: Int, _ count: Int) -> UnsafeMutableRawPointer {
    precondition(offset >= 0 && offset <= self.count - count)
    return unsafe mapping.address(start + offset, count: count)
  }

  // SAFETY, of all below: `address` has found the bytes within the mapping.

  func load16(_ offset: Int) -> UInt16 {
    unsafe UInt16(littleEndian: vhost_user_load16(address(offset, 2)))
  }

  func load32(_ offset: Int) -> UInt32 {
    unsafe UInt32(littleEndian: vhost_user_load32(address(offset, 4)))
  }

  func load64(_ offset: Int) -> UInt64 {
    unsafe UInt64(littleEndian: vhost_user_load64(address(offset, 8)))
  }

  func store16(_ value: UInt16, _ offset: Int) {
    unsafe vhost_user_store16(address(offset, 2), value.littleEndian)
  }

  func store32(_ value: UInt32, _ offset: Int) {
    unsafe vhost_user_store32(address(offset, 4), value.littleEndian)
  }

  /// Appends all of them to `bytes`.
  func append(to bytes: inout [UInt8]) {
    unsafe bytes.append(
      contentsOf: UnsafeRawBufferPointer(start: address(0, count), count: count)
    )
  }

  /// Writes `bytes` at the front, as many as there is room for.
  func write(_ bytes: ArraySlice<UInt8>) {
    let size = min(bytes.count, count)
    unsafe bytes.withUnsafeBytes { source in
      guard let from = source.baseAddress else { return }
      unsafe address(0, size).copyMemory(from: from, byteCount: size)
    }
  }
}
