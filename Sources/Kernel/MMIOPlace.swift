/// Where a memory-mapped device is said to be, and how it interrupts. Whether
/// there is one it says itself.
struct MMIOPlace: Equatable {
  /// The addresses of its registers.
  let registers: Range<UInt64>
  /// The number of its interrupt line, as all IOAPICs together count them.
  let interrupt: UInt32
  /// How the line interrupts.
  let signal: InterruptSignal

  /// More than these are not looked at.
  static var most: Int { 32 }

  /// The least that registers take, and the most that they are believed to.
  /// VIRTIO 1.2 §4.2.2.
  private static var sizes: ClosedRange<UInt64> { 0x100...1 << 20 }

  /// A place whose numbers make sense; `nil` otherwise.
  init?(
    base: UInt64,
    size: UInt64,
    interrupt: UInt64,
    signal: InterruptSignal = .virtio
  ) {
    guard base != 0, base & 3 == 0, Self.sizes.contains(size),
      base <= .max - size, interrupt < 1 << 16
    else { return nil }
    registers = base..<base + size
    self.interrupt = UInt32(interrupt)
    self.signal = signal
  }
}

/// As ACPI describes it. ACPI 6.4 §6.4.
extension MMIOPlace {
  private enum Resource {
    /// Large ones: tag, 16 bits of length, contents.
    static var large: UInt8 { 0x80 }
    static var fixedMemory: UInt8 { 0x86 }
    static var interrupt: UInt8 { 0x89 }
    static var end: UInt8 { 0x0F }
  }

  /// The place that these resources give; `nil` when it is not just one range
  /// of registers and one interrupt, or they are not well formed.
  init?(resources: [UInt8]) {
    var memory: (base: UInt64, size: UInt64)?
    var line: (number: UInt64, flags: UInt8)?
    var offset = 0
    while offset < resources.count {
      let tag = resources[offset]
      guard tag & Resource.large != 0 else {
        // §6.4.2: the length is in the low three bits.
        if tag >> 3 == Resource.end { break }
        offset += 1 + Int(tag & 7)
        continue
      }
      guard let length = resources.integer(at: offset + 1, 2),
        Int(length) <= resources.count - offset - 3
      else { return nil }
      let contents = offset + 3
      if tag == Resource.fixedMemory {
        // §6.4.3.4: information, base, size.
        guard memory == nil, length >= 9,
          let base = resources.integer(at: contents + 1, 4),
          let size = resources.integer(at: contents + 5, 4)
        else { return nil }
        memory = (base, size)
      } else if tag == Resource.interrupt {
        // §6.4.3.6: flags, how many, a number each.
        guard line == nil, length >= 6, resources[contents + 1] == 1,
          let number = resources.integer(at: contents + 2, 4)
        else { return nil }
        line = (number, resources[contents])
      }
      offset = contents + Int(length)
    }
    guard let memory, let line else { return nil }
    self.init(
      base: memory.base,
      size: memory.size,
      interrupt: line.number,
      signal: InterruptSignal(
        isLevel: line.flags & 1 << 1 == 0,
        isActiveLow: line.flags & 1 << 2 != 0
      )
    )
  }
}
