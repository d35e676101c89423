import Fuzzing
import PCI
@testable import Virtio

/// All that is read of a PCI machine before a device is driven: its functions,
/// their base address registers, capabilities, virtio structures and MSI-X.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let input = unsafe Input(start, count)
  let host = InputHost(input)
  let flags = input.byte()
  host.answersEverywhere = flags & 1 != 0
  for _ in 0...input.index(below: 4) { host.spaces.append(space(input)) }
  host.isVolatile = flags & 2 != 0
  let functions = enumerate(host)
  check(functions.count <= PCILimits.functions, "too many functions")
  let assignment = AddressAssignment(functions, host)
  for entry in assignment.entries { look(at: entry, assignment, host) }
  return 0
}

/// A function: a virtio device or anything else, as the input says word by
/// word.
private func space(_ input: Input) -> InputHost.Space {
  var space = InputHost.Space()
  space.words[0] = input.flag() ? 0x1041_1AF4 : 0x1000_1AF4
  // There is a list of capabilities.
  space.words[1] = 1 << 20
  space.writable[1] = 0x0000_0407
  space.words[3] = UInt32(input.byte()) << 16
  space.words[13] = UInt32(input.byte())
  for register in 0..<6 {
    let size = input.byte()
    // A base address register that can be measured: its size is a power of two.
    space.writable[4 + register] = UInt32.max << UInt32(size & 31)
    space.words[4 + register] = UInt32(input.byte() & 0xF)
  }
  // Whole registers, capabilities above all.
  for _ in 0..<input.index(below: 32) {
    let register = input.index(below: 64)
    space.words[register] = input.number()
    if input.flag() { space.writable[register] = .max }
  }
  return space
}

private func look(
  at entry: AddressAssignment.Entry,
  _ assignment: AddressAssignment,
  _ host: InputHost
) {
  for register in entry.registers {
    guard let range = register.range else { continue }
    check(
      range.count == Int(register.size) && register.address != 0,
      "a register at \(range), of \(register.size) bytes"
    )
  }
  let structures = DeviceStructures(host, entry)
  for range in [
    structures.common, structures.notifications, structures.interruptStatus,
    structures.device,
  ] {
    guard let range else { continue }
    let last = range.start.address + (range.length - 1)
    check(
      entry.registers.contains {
        $0.space == range.start.space
          && $0.range?.contains(range.start.address) == true
          && $0.range?.contains(last) == true
      },
      "a structure at \(range), which is in no register"
    )
  }
  _ = try? DeviceTransport(host, entry, hasVectors: false)
  guard let msix = MSIX(host, entry) else { return }
  check(1...2048 ~= msix.vectorCount, "\(msix.vectorCount) vectors")
  msix.enable()
  msix.setVector(msix.vectorCount - 1, address: 0xFEE0_0000, data: 0x30)
  msix.disable()
  assignment.enable(entry.function, host)
}
