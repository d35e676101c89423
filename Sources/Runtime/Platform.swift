/// What the runtime needs of the machine; the kernel installs it first of all.
public struct Platform {
  /// Puts one byte on the console.
  public var writeByte: (UInt8) -> Void
  /// Ends the machine with a message.
  public var panic: (StaticString) -> Never
  /// 64 random bits.
  public var random: () -> UInt64

  /// The machine's services, each callable from here on.
  public init(
    writeByte: @escaping (UInt8) -> Void,
    panic: @escaping (StaticString) -> Never,
    random: @escaping () -> UInt64
  ) {
    self.writeByte = writeByte
    self.panic = panic
    self.random = random
  }

  /// The platform that the kernel has installed.
  ///
  /// SAFETY: written once, before anything else runs, on the only core.
  nonisolated(unsafe) static var current: Platform?

  /// Makes `platform` the one that the runtime uses.
  public static func install(_ platform: Platform) {
    // SAFETY: See `current`.
    unsafe current = platform
  }
}
