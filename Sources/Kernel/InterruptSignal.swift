/// How a line says that it interrupts.
struct InterruptSignal: Equatable {
  /// Whether for as long as the reason lasts, and not once.
  var isLevel: Bool
  /// Whether by going down.
  var isActiveLow: Bool

  /// As the lines of the ISA bus do. ACPI 6.4 §5.2.12.5.
  static let isa = InterruptSignal(isLevel: false, isActiveLow: false)
  /// As VIRTIO 1.2 §4.2.3.4 has it: the signal is up while there is a reason.
  static let virtio = InterruptSignal(isLevel: true, isActiveLow: false)
}
