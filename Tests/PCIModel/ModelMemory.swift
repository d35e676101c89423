/// The memory that devices reach: just what the driver has asked an address
/// for. Devices see it at other addresses than the processor, below 2^44 so
/// that legacy devices reach it too.
public final class ModelMemory {
  private struct Region: Equatable {
    let start: UInt64
    let count: Int
    let address: UInt

    /// Whether `count` bytes at `place` are all in it.
    func contains(_ place: UInt64, _ count: Int) -> Bool {
      place >= start
        && place - start + UInt64(count) <= UInt64(self.count)
    }
  }

  private static let mask: UInt64 = (1 << 44) - 1
  private var regions: [UInt64: [Region]] = [:]
  /// The one that was used last, since most accesses are near each other;
  /// forgotten whenever regions change.
  private var lastUsed: Region?

  init() {}

  func admit(_ address: UInt, byteCount: Int) -> UInt64 {
    let start = UInt64(address) & Self.mask
    let region = Region(start: start, count: byteCount, address: address)
    // Drivers ask for the same memory again and again. What is known under its
    // first page is known under all.
    if regions[start >> 12]?.contains(region) == true { return start }
    lastUsed = nil
    let last = start + UInt64(max(byteCount, 1)) - 1
    for page in (start >> 12)...(last >> 12) {
      var known = regions[page, default: []]
      known.removeAll { $0.start == start }
      known.append(region)
      regions[page] = known
    }
    return start
  }

  /// Where `count` bytes that devices see at `address` are, or `nil` when the
  /// driver never asked for all of them.
  private func pointer(
    _ address: UInt64,
    _ count: Int
  ) -> UnsafeMutableRawPointer? {
    if let region = lastUsed, region.contains(address, count) {
      return unsafe Self.pointer(address, in: region)
    }
    for region in regions[address >> 12] ?? []
    where region.contains(address, count) {
      lastUsed = region
      return unsafe Self.pointer(address, in: region)
    }
    return nil
  }

  private static func pointer(
    _ address: UInt64,
    in region: Region
  ) -> UnsafeMutableRawPointer? {
    unsafe UnsafeMutableRawPointer(
      bitPattern: region.address + UInt(address - region.start)
    )
  }

  /// Whether a device reaches all of `count` bytes at `address`.
  public func contains(_ address: UInt64, _ count: Int) -> Bool {
    unsafe pointer(address, count) != nil
  }

  /// The bytes at `address`; `nil` when not all are reached.
  public func read(_ address: UInt64, _ count: Int) -> [UInt8]? {
    guard let pointer = unsafe pointer(address, count) else { return nil }
    // SAFETY: The driver owns these bytes and has told the device of them.
    return unsafe [UInt8](
      UnsafeRawBufferPointer(start: pointer, count: count)
    )
  }

  /// Writes `bytes` to `address`, and says whether all are reached.
  public func write(_ address: UInt64, _ bytes: [UInt8]) -> Bool {
    guard let pointer = unsafe pointer(address, bytes.count) else {
      return false
    }
    // SAFETY: As in `read`.
    unsafe pointer.copyMemory(from: bytes, byteCount: bytes.count)
    return true
  }

  /// The little-endian integer at `address`; 0 when it is not reached.
  public func load<T: FixedWidthInteger & UnsignedInteger>(
    _ address: UInt64,
    as type: T.Type = T.self
  ) -> T {
    guard let pointer = unsafe pointer(address, MemoryLayout<T>.size) else {
      return 0
    }
    // SAFETY: As in `read`.
    return T(littleEndian: unsafe pointer.loadUnaligned(as: T.self))
  }

  /// Writes `value`, least significant byte first.
  public func store<T: FixedWidthInteger & UnsignedInteger>(
    _ value: T,
    at address: UInt64
  ) {
    guard let pointer = unsafe pointer(address, MemoryLayout<T>.size) else {
      return
    }
    // SAFETY: As in `read`.
    unsafe pointer.storeBytes(of: value.littleEndian, as: T.self)
  }
}
