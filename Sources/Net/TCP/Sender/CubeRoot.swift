/// Cube roots without floating point, which the packet path does not use.
enum CubeRoot {
  /// The largest number whose cube is not above `value`: found bit by bit, 22
  /// steps for 64 bits.
  static func of(_ value: UInt64) -> UInt64 {
    var rest = value
    var root: UInt64 = 0
    var shift = 63
    while shift >= 0 {
      root <<= 1
      // (root + 1)^3 - root^3
      let step = 3 * root * (root + 1) + 1
      if rest >> UInt64(shift) >= step {
        rest -= step << UInt64(shift)
        root += 1
      }
      shift -= 3
    }
    return root
  }
}
