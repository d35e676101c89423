import Foundation
import SystemPackage

/// The accesses to devices that QEMU has logged: on real hardware under a
/// hypervisor, each is an exit.
public final class AccessLog {
  private let file: FilePath
  private var total = Counts()
  /// How many bytes of the file are counted.
  private var position: UInt64 = 0

  /// What the guest did up to some moment.
  public struct Counts: Sendable {
    /// To registers of the network device.
    public var device = 0
    /// To those of the interrupt controllers and their timer.
    public var controller = 0
    /// To any other.
    public var other = 0
    /// Interrupts that the guest has taken: each ends with one write.
    public var interrupts = 0

    /// What was counted between two moments.
    public static func - (left: Counts, right: Counts) -> Counts {
      Counts(
        device: left.device - right.device,
        controller: left.controller - right.controller,
        other: left.other - right.other,
        interrupts: left.interrupts - right.interrupts
      )
    }
  }

  /// The log that QEMU writes to `file` once ``start(_:)`` was called.
  public init(_ file: FilePath) { self.file = file }

  /// What QEMU needs to be told of a device on `transport`: where the log is,
  /// and that no notification goes past it.
  public func qemuArguments(_ transport: GuestOptions.Transport) -> [String] {
    let proxy = transport.isMMIO ? "virtio-mmio" : "virtio-net-pci"
    return ["-D", file.string, "-global", "\(proxy).ioeventfd=off"]
  }

  /// Has QEMU log from now on.
  public static func start(_ monitor: QMP) async throws {
    for event in ["memory_region_ops_read", "memory_region_ops_write"] {
      try await monitor.execute(
        "trace-event-set-state",
        ["name": "\(event)", "enable": true]
      )
    }
  }

  /// Counts what is in the log.
  public func counts() throws -> Counts {
    let handle = try FileHandle(forReadingFrom: URL(filePath: file.string))
    try handle.seek(toOffset: position)
    let bytes = try handle.readToEnd() ?? Data()
    try handle.close()
    // The last line may not be whole yet.
    guard let end = bytes.lastIndex(of: UInt8(ascii: "\n")) else {
      return total
    }
    position += UInt64(bytes.distance(from: bytes.startIndex, to: end)) + 1
    let text = String(decoding: bytes[..<end], as: UTF8.self)
    for line in text.utf8.split(separator: UInt8(ascii: "\n")) {
      count(line)
    }
    return total
  }

  /// memory_region_ops_write cpu 0 mr 0x5 addr 0xfee000b0 value 0x0 size 4 name
  /// 'apic-msi'
  ///
  /// What a device does itself is of no processor, -1.
  private func count(_ line: Substring.UTF8View) {
    let words = line.split(separator: UInt8(ascii: " ")).map { Substring($0) }
    guard words.count >= 13, words[1] == "cpu", words[2] != "-1" else { return }
    let name = words[12].dropFirst().dropLast()
    switch name {
    case "apic-msi", "pic", "ioapic", "elcr": total.controller += 1
    case _ where name.hasPrefix("virtio"): total.device += 1
    default: total.other += 1
    }
    if words[0].hasSuffix("write"), isEndOfInterrupt(name, words) {
      total.interrupts += 1
    }
  }

  /// SDM 3A §11.8.5 for the local APIC; of the 8259, its command port with the
  /// command that ends an interrupt, for the first of both alone.
  private func isEndOfInterrupt(
    _ name: Substring,
    _ words: [Substring]
  ) -> Bool {
    switch name {
    case "apic-msi": words[6] == "0xfee000b0"
    case "pic": words[6] == "0x20" && words[8] == "0x20"
    default: false
    }
  }
}
