extension PCIFunction {
  /// What kind of device it is, in words. PCI Code and ID Assignment 1.0 §1.
  public var className: StaticString {
    switch (classCode >> 16, classCode >> 8 & 0xFF) {
    case (0x00, 0x01): "VGA-compatible device"
    case (0x00, _): "unclassified device"
    case (0x01, 0x00): "SCSI controller"
    case (0x01, 0x01): "IDE controller"
    case (0x01, 0x06): "SATA controller"
    case (0x01, 0x08): "NVMe controller"
    case (0x01, _): "mass storage controller"
    case (0x02, 0x00): "Ethernet controller"
    case (0x02, _): "network controller"
    case (0x03, 0x00): "VGA controller"
    case (0x03, _): "display controller"
    case (0x04, _): "multimedia device"
    case (0x05, _): "memory controller"
    case (0x06, 0x00): "host bridge"
    case (0x06, 0x01): "ISA bridge"
    case (0x06, 0x04): "PCI bridge"
    case (0x06, _): "bridge"
    case (0x07, 0x00): "serial controller"
    case (0x07, _): "communication controller"
    case (0x08, _): "system peripheral"
    case (0x09, _): "input device"
    case (0x0C, 0x03): "USB controller"
    case (0x0C, 0x05): "SMBus controller"
    case (0x0C, _): "serial bus controller"
    case (0x0D, _): "wireless controller"
    case (0x10, _): "encryption controller"
    case (0x11, _): "signal processing controller"
    default: "device"
    }
  }
}
