/// The guest's memory, as QEMU has told where its parts are. vhost-user,
/// "Memory regions description".
struct GuestMemory {
  private struct Region {
    let guestAddress: UInt64
    let userAddress: UInt64
    let memory: SharedMemory
  }

  private var regions: [Region] = []

  /// No memory.
  init() {}

  /// Maps what SET_MEM_TABLE lists.
  ///
  ///     count 4 · padding 4 · count × (guest address 8 · size 8 ·
  ///                                    QEMU's address 8 · offset 8)
  init(_ message: Message) throws(VhostUserError) {
    let count = Int(try message.number32(0))
    guard count == message.files.count else {
      throw .badMessage("\(count) regions, \(message.files.count) files")
    }
    for index in 0..<count {
      let entry = 8 + 32 * index
      let size = Int(try message.number64(entry + 8))
      let offset = Int(try message.number64(entry + 24))
      let mapping = try Mapping(
        of: message.files[index],
        count: offset + size
      )
      regions.append(
        Region(
          guestAddress: try message.number64(entry),
          userAddress: try message.number64(entry + 16),
          memory: SharedMemory(mapping, at: offset, count: size)
        )
      )
    }
  }

  /// The bytes that the guest knows by `address`.
  func bytes(
    at address: UInt64,
    count: Int
  ) throws(VhostUserError) -> SharedMemory {
    for region in regions {
      if let memory = Self.find(address, count, region.guestAddress, region) {
        return memory
      }
    }
    throw .badDriver(
      "\(count) bytes at \(String(address, radix: 16)) are not in its memory"
    )
  }

  /// The bytes that QEMU knows by `address`.
  func bytes(
    atUserAddress address: UInt64,
    count: Int
  ) throws(VhostUserError) -> SharedMemory {
    for region in regions {
      if let memory = Self.find(address, count, region.userAddress, region) {
        return memory
      }
    }
    throw .badMessage(
      "\(count) bytes at \(String(address, radix: 16)) are in no region"
    )
  }

  private static func find(
    _ address: UInt64,
    _ count: Int,
    _ base: UInt64,
    _ region: Region
  ) -> SharedMemory? {
    guard address >= base, address - base <= UInt64(region.memory.count)
    else { return nil }
    let offset = Int(address - base)
    guard count <= region.memory.count - offset else { return nil }
    return region.memory.slice(at: offset, count: count)
  }
}
