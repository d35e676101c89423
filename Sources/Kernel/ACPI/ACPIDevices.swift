/// The memory-mapped virtio devices of a DSDT.
///
/// The table is a program, and nothing here runs it. Virtual machines describe
/// such a device by an object without any code: `Device` with a `_HID` of
/// `LNRO0005`, and a `_CRS` that is a constant (ACPI 6.4 §20.2.5.2).
///
///     5B 82  length  NAME             Device
///       08  _HID  0D "LNRO0005" 00      Name, a string
///       08  _CRS  11 length size …      Name, a buffer of resources
///
/// Those are looked for, wherever they stand, and what has the name but is not
/// made like that is not guessed at: it is reported. A wrong guess does no harm
/// either, since a device says itself that it is one.
struct ACPIDevices {
  /// The devices, in their order.
  private(set) var places: [MMIOPlace] = []
  /// What was not understood, a line each.
  private(set) var problems: [String] = []

  private static var identifier: StaticString { "LNRO0005" }

  /// §20.2.
  private enum Code {
    static var zero: UInt8 { 0x00 }
    static var one: UInt8 { 0x01 }
    static var name: UInt8 { 0x08 }
    static var byte: UInt8 { 0x0A }
    static var word: UInt8 { 0x0B }
    static var doubleWord: UInt8 { 0x0C }
    static var string: UInt8 { 0x0D }
    static var quadWord: UInt8 { 0x0E }
    static var buffer: UInt8 { 0x11 }
    static var extended: UInt8 { 0x5B }
    static var device: UInt8 { 0x82 }
    static var ones: UInt8 { 0xFF }
  }

  /// Where definition blocks begin, behind the table's header.
  private static var first: Int { 36 }

  /// Looks through `table`, a DSDT with its header.
  init(_ table: [UInt8]) {
    let named = Self.namedCount(table)
    guard named > 0 else { return }
    var offset = Self.first
    while offset + 1 < table.count {
      guard table[offset] == Code.extended, table[offset + 1] == Code.device,
        let body = Self.package(table, offset + 2, end: table.count),
        let device = Self.device(table, body)
      else {
        offset += 1
        continue
      }
      add(device, table)
      offset = body.upperBound
    }
    if named > seen {
      problems.append(
        "acpi: \(named - seen) virtio devices are not described by constants"
      )
    }
  }

  /// The devices of the name that were found.
  private var seen = 0

  /// How often the name stands in `table`.
  private static func namedCount(_ table: [UInt8]) -> Int {
    var count = 0
    for index in table.indices.dropFirst(first)
    where table[index] == 0x4C && table.has(identifier, at: index) {
      count += 1
    }
    return count
  }

  private mutating func add(_ device: Device, _ table: [UInt8]) {
    guard let identifier = device.identifier,
      table.has(Self.identifier, at: identifier.lowerBound),
      identifier.count == Self.identifier.utf8CodeUnitCount
    else { return }
    seen += 1
    guard let resources = device.resources,
      let place = MMIOPlace(resources: Array(table[resources]))
    else {
      problems.append(
        "acpi: a virtio device has no registers or no interrupt that is"
          + " understood"
      )
      return
    }
    guard places.count < MMIOPlace.most else {
      problems.append("acpi: more than \(MMIOPlace.most) virtio devices")
      return
    }
    places.append(place)
  }

  /// What of a device's object is of interest.
  private struct Device {
    var identifier: Range<Int>?
    var resources: Range<Int>?
  }

  /// The device whose object is `body`; `nil` when that is not a name and then
  /// nothing but named constants.
  private static func device(_ table: [UInt8], _ body: Range<Int>) -> Device? {
    guard body.count >= 4 else { return nil }
    var device = Device()
    var offset = body.lowerBound + 4
    while offset < body.upperBound {
      guard table[offset] == Code.name, body.upperBound - offset >= 6,
        let value = constant(table, offset + 5, end: body.upperBound)
      else { return nil }
      if table.has("_HID", at: offset + 1), table[offset + 5] == Code.string {
        device.identifier = value.contents
      } else if table.has("_CRS", at: offset + 1),
        table[offset + 5] == Code.buffer
      {
        device.resources = value.contents
      }
      offset = value.end
    }
    return device
  }

  /// The constant at `offset`: the bytes of its value, and where it ends.
  private static func constant(
    _ table: [UInt8],
    _ offset: Int,
    end: Int
  ) -> (contents: Range<Int>, end: Int)? {
    let start = offset + 1
    func integer(_ size: Int) -> (Range<Int>, Int)? {
      start + size <= end ? (start..<start + size, start + size) : nil
    }
    switch table[offset] {
    case Code.zero, Code.one, Code.ones: return integer(0)
    case Code.byte: return integer(1)
    case Code.word: return integer(2)
    case Code.doubleWord: return integer(4)
    case Code.quadWord: return integer(8)
    case Code.string:
      guard let zero = table[start..<end].firstIndex(of: 0) else { return nil }
      return (start..<zero, zero + 1)
    case Code.buffer:
      // §20.2.5.4: the size is a number. A buffer in its place, with a buffer in
      // the place of its own size, would go as deep as the table is long.
      guard let package = package(table, start, end: end),
        table[package.lowerBound] <= Code.doubleWord,
        let size = constant(
          table,
          package.lowerBound,
          end: package.upperBound
        ), size.contents.count <= 4,
        let count = table.integer(
          at: size.contents.lowerBound,
          size.contents.count
        ), count <= UInt64(package.upperBound - size.end)
      else { return nil }
      return (size.end..<size.end + Int(count), package.upperBound)
    default: return nil
    }
  }

  /// What a length at `offset` encloses, if that ends by `end` and is not
  /// empty. §20.2.4: the two high bits of the first byte say how many follow,
  /// each of eight bits more; the length includes itself.
  private static func package(
    _ table: [UInt8],
    _ offset: Int,
    end: Int
  ) -> Range<Int>? {
    guard offset < end else { return nil }
    let more = Int(table[offset] >> 6)
    guard offset + more < end else { return nil }
    var length = Int(table[offset] & (more == 0 ? 0x3F : 0x0F))
    for index in 0..<more {
      length |= Int(table[offset + 1 + index]) << (4 + 8 * index)
    }
    guard length > more + 1, length <= end - offset else { return nil }
    return offset + more + 1..<offset + length
  }
}
