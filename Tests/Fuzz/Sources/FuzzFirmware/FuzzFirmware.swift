import Fuzzing
@testable import Kernel

/// What the host says of the machine: ACPI's tables, and the kernel's command
/// line.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let input = unsafe Input(start, count)
  let kind = input.index(below: 4)
  let bytes = (0..<input.count).map { _ in input.byte() }
  switch kind {
  case 0:
    let line = MMIOCommandLine(String(decoding: bytes, as: UTF8.self))
    check(line.places.count <= MMIOPlace.most, "too many places")
  case 1:
    let devices = ACPIDevices(header + bytes)
    check(devices.places.count <= MMIOPlace.most, "too many places")
  case 2:
    let controllers = InterruptControllers(header + bytes)
    check(
      controllers.places.count <= InterruptControllers.most,
      "too many controllers"
    )
  default:
    let memory = InputMemory(bytes)
    let tables = ACPITables(rootPointer: InputMemory.start, memory)
    if let table = tables.devices { _ = ACPIDevices(table) }
    if let table = tables.controllers { _ = InterruptControllers(table) }
  }
  return 0
}

/// A table begins with 36 bytes that were read before.
private let header = [UInt8](repeating: 0, count: 36)

/// Memory of the firmware: the input at a fixed place, with checksums that hold
/// wherever one is asked for, since no fuzzer guesses them.
private struct InputMemory: FirmwareMemory {
  static var start: UInt64 { 0x1000 }
  private let bytes: [UInt8]

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  func read(_ addresses: Range<UInt64>) -> [UInt8]? {
    guard addresses.lowerBound >= Self.start,
      addresses.upperBound <= Self.start + UInt64(bytes.count)
    else { return nil }
    let first = Int(addresses.lowerBound - Self.start)
    var read = Array(bytes[first..<first + addresses.count])
    // The checksum of the root pointer is in byte 8, of a table in byte 9.
    let place = read.starts(with: Array("RSD PTR ".utf8)) ? 8 : 9
    guard read.count > 9 else { return read }
    read[place] &-= read.reduce(0, &+)
    return read
  }
}
