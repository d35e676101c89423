/// What this layer refuses to exceed.
public enum PCILimits {
  /// The functions that ``enumerate(_:)`` lists: far more than a virtual
  /// machine has, and few enough that a configuration space which answers
  /// everywhere does not take all memory. Those beyond are passed over.
  public static let functions = 256
}
