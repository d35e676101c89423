/// Why a device cannot be driven.
public enum VirtioError: Error, Hashable, Sendable {
  /// It is not a virtio device of the wanted kind, or lacks a register that
  /// the transport needs.
  case unsupported
  /// Its status did not become 0 after a reset. VIRTIO 1.2 §2.4.
  case resetFailed
  /// It refused the features that the driver chose. VIRTIO 1.2 §3.1.1.
  case featuresRefused
  /// A queue that the driver needs is not there, in use already, or of an
  /// impossible size.
  case badQueue
  /// It has no vector left for a queue or for the configuration. VIRTIO 1.2
  /// §4.1.5.1.2.
  case noVector
}
