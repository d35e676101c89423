import CPU
import PCI

/// Devices that come and go on bus 0 of QEMU's `pc` machine while it runs: the
/// registers by which its ACPI tables plug and unplug. QEMU,
/// docs/specs/acpi_pci_hotplug.
///
///     0  slots that were plugged in, cleared by reading
///     4  slots that are to be unplugged
///     8  a slot that has been let go of: its device is gone
///     16 which bus this is about
///
/// They are looked at once a second, which costs two accesses, instead of
/// through ACPI's own interrupt and its bytecode.
struct HotPlug {
  private static var base: UInt16 { 0xAE00 }
  private static var plugged: UInt16 { base }
  private static var unplugging: UInt16 { base + 4 }
  private static var eject: UInt16 { base + 8 }
  private static var busSelect: UInt16 { base + 16 }

  /// The registers, where `functions` show a machine that has them: PIIX4's
  /// power management, made by QEMU.
  init?(_ functions: [PCIFunction]) {
    let hasRegisters = functions.contains {
      $0.vendor == 0x8086 && $0.device == 0x7113
        && $0.subsystemVendor == 0x1AF4
    }
    guard hasRegisters else { return nil }
    cpu_out32(Self.busSelect, 0)
    // What was there at boot is no news.
    _ = takePlugged()
  }

  /// The slots, one bit each, in which a device was plugged since this was last
  /// asked.
  func takePlugged() -> UInt32 { Self.present(cpu_in32(Self.plugged)) }

  /// The slots whose devices are to be let go of.
  var unpluggingSlots: UInt32 { Self.present(cpu_in32(Self.unplugging)) }

  /// All ones is what a port says that nobody is behind.
  private static func present(_ slots: UInt32) -> UInt32 {
    slots == .max ? 0 : slots
  }

  /// Lets the device in `slot` go: it is gone when this returns.
  func eject(_ slot: UInt8) { cpu_out32(Self.eject, 1 << UInt32(slot)) }
}
