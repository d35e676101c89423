import PCIModel

/// The device as a function on PCI. VIRTIO 1.2 §4.1.2 and §4.1.4.
extension NetworkDeviceModel {
  func addFunction() {
    bytes[0x08] = build.isLegacy ? 0 : 1
    bytes[0x3D] = 1
    if build.isLegacy {
      let address: UInt64 = build.legacyKind.kind == .io ? 0xC040 : 0xFE00_0000
      add(0, build.legacyKind, at: address)
    }
    if build.hasMSIX {
      add(1, BaseAddress(.memory32, size: 4096), at: 0xFEBC_0000)
      // Table at 0, pending bits at 800h, both in BAR 1.
      let last = UInt8(truncatingIfNeeded: build.tableSize - 1)
      addCapability(0x11, at: 0x40, [last, 0, 1, 0, 0, 0, 1, 8, 0, 0])
      writable[0x43] = 0xC0
    }
    if build.isModern { addStructures() }
  }

  private func addStructures() {
    add(
      4,
      BaseAddress(.memory64, size: 0x4000, isPrefetchable: true),
      at: 0xFEBD_0000
    )
    // An unknown kind and one with a reserved register first: to be ignored.
    addStructure(at: 0x50, kind: 0x77, offset: 0, length: 64)
    addStructure(at: 0x60, kind: 1, register: 7, offset: 0, length: 64)
    let common = UInt32(Structure.common.count)
    addStructure(at: 0x70, kind: 1, offset: 0, length: common)
    addStructure(at: 0x80, kind: 3, offset: 0x1000, length: 1)
    let size = UInt32(build.configurationSize)
    addStructure(at: 0x90, kind: 4, offset: 0x2000, length: size)
    addStructure(
      at: 0xA0,
      kind: 2,
      offset: 0x3000,
      length: UInt32(build.doorbellSize),
      multiplier: build.notifyMultiplier
    )
  }

  /// Adds a capability that names a structure. §4.1.4.
  func addStructure(
    at place: Int,
    kind: UInt8,
    register: UInt8 = 4,
    offset: UInt32,
    length: UInt32,
    multiplier: UInt32? = nil
  ) {
    let size: UInt8 = multiplier == nil ? 16 : 20
    addCapability(9, at: place, [size, kind, register, 0, 0, 0])
    set32(place + 8, offset)
    set32(place + 12, length)
    if let multiplier { set32(place + 16, multiplier) }
  }
}
