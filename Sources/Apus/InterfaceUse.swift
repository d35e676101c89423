/// How much a network device was used since it was started.
public struct InterfaceUse: Sendable {
  /// The frames that went through it, both ways.
  public let frames: UInt64
  /// How often it was reached, or has interrupted; each time the virtual machine
  /// is left, which costs more than a frame's handling.
  public let exits: UInt64

  /// A device that was used so.
  public init(frames: UInt64 = 0, exits: UInt64 = 0) {
    self.frames = frames
    self.exits = exits
  }

  /// The exits for a thousand frames, rounded down; 0 when there were no frames.
  public var exitsPerThousandFrames: UInt64 {
    guard frames > 0 else { return 0 }
    let (high, low) = exits.multipliedFullWidth(by: 1000)
    // A product above 64 bits is one of centuries.
    return high == 0 ? low / frames : .max
  }
}
