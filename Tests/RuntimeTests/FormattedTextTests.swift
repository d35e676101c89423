import Testing

@testable import Runtime

@Suite struct FormattedTextTests {
  private static var numbers: [(String, [any CVarArg], String)] {
    [
      ("", [], ""),
      ("plain\ntext", [], "plain\ntext"),
      ("100%%", [], "100%"),
      ("%d", [0], "0"),
      ("%d", [-1], "-1"),
      ("%i", [Int32.min], "-2147483648"),
      ("%d", [Int32.max], "2147483647"),
      // Without a length mark, just the low 32 bits count.
      ("%d", [Int(0x7_FFFF_FFFF)], "-1"),
      ("%u", [Int32(-1)], "4294967295"),
      ("%x", [Int32(-1)], "ffffffff"),
      ("%ld", [Int.min], "-9223372036854775808"),
      ("%lld", [Int.max], "9223372036854775807"),
      ("%lu", [UInt.max], "18446744073709551615"),
      ("%zu", [UInt(4096)], "4096"),
      ("%lx", [UInt.max], "ffffffffffffffff"),
      ("%x", [UInt32(0xDEAD_BEEF)], "deadbeef"),
      ("%p", [UInt(0x10_00F0)], "0x1000f0"),
      ("%p", [UInt(0)], "0x0"),
      ("%c%c", [Int32(0x68), Int32(0x69)], "hi"),
      // More than the six registers hold: the rest is on the stack.
      (
        "%d %d %d %d %d %d %d %d %d", [1, 2, 3, 4, 5, 6, 7, 8, 9],
        "1 2 3 4 5 6 7 8 9"
      ),
      // Not ours: as it stands, and the arguments are for the others.
      ("%q %d", [7], "%q 7"),
      ("%lq %d", [7], "%lq 7"),
      ("%08x %d", [7], "%08x 7"),
      ("%.3d %d", [7], "%.3d 7"),
      ("%", [], "%"),
      ("%l", [], "%l"),
      ("%d%", [7], "7%"),
    ]
  }

  @Test(arguments: numbers.indices)
  func conversion_writesWhatCWrites(_ index: Int) {
    let (format, arguments, expected) = Self.numbers[index]
    #expect(formatted(format, arguments) == expected, "\(format)")
  }

  @Test func text_toItsZeroOrItsPrecision() {
    let text: StaticString = "swift"
    let pointer = UInt(bitPattern: unsafe text.utf8Start)
    #expect(formatted("<%s>", [pointer]) == "<swift>")
    #expect(formatted("<%s>", [UInt(0)]) == "<>")
    // As in the library's "at %.*s:%d": an int, then the text.
    #expect(formatted("<%.*s:%d>", [Int32(3), pointer, 7]) == "<swi:7>")
    #expect(formatted("<%.*s>", [Int32(0), pointer]) == "<>")
    #expect(formatted("<%.*s>", [Int32(9), pointer]) == "<swift>")
    #expect(formatted("<%.*s>", [Int32(-1), pointer]) == "<swift>")
  }

  @Test(
    arguments: [
      // The size of the buffer, and what is in it afterwards.
      (0, [9, 9, 9, 9, 9, 9]), (1, [0, 9, 9, 9, 9, 9]),
      (3, [0x61, 0x62, 0, 9, 9, 9]), (4, [0x61, 0x62, 0x63, 0, 9, 9]),
      (5, [0x61, 0x62, 0x63, 0x64, 0, 9]), (6, [0x61, 0x62, 0x63, 0x64, 0, 9]),
    ] as [(Int, [UInt8])]
  )
  func buffer_isNotOverrunAndEndsWithZero(_ size: Int, _ expected: [UInt8]) {
    var bytes = [UInt8](repeating: 9, count: 6)
    let count = unsafe bytes.withUnsafeMutableBufferPointer { buffer in
      unsafe format("ab%s", [address(of: "cd")]) { format, arguments in
        unsafe FormattedText.write(
          format,
          arguments,
          into: buffer.baseAddress,
          size: size
        )
      }
    }
    #expect(bytes == expected)
    #expect(count == 4)
  }

  @Test func noBuffer_justCounts() {
    let count = unsafe format("%d", [12_345]) { format, arguments in
      unsafe FormattedText.write(format, arguments, into: nil, size: 0)
    }
    #expect(count == 5)
  }

  private func address(of text: StaticString) -> UInt {
    UInt(bitPattern: unsafe text.utf8Start)
  }

  private func formatted(_ text: String, _ values: [any CVarArg]) -> String {
    var bytes: [UInt8] = []
    unsafe format(text, values) { format, arguments in
      unsafe FormattedText.write(format, arguments) { bytes.append($0) }
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// Lends `body` what C would hand a function of the `v` kind.
  private func format<Result>(
    _ text: String,
    _ values: [any CVarArg],
    _ body: (UnsafePointer<UInt8>, VariableArguments) -> Result
  ) -> Result {
    let bytes = Array(text.utf8) + [0]
    return unsafe bytes.withUnsafeBufferPointer { format in
      unsafe withVaList(values) { list in
        // SAFETY: A `CVaListPointer` is the address of the list, in the layout
        // of the System V ABI.
        let list = unsafe unsafeBitCast(list, to: UnsafeMutableRawPointer.self)
        return unsafe body(format.baseAddress!, VariableArguments(list: list))
      }
    }
  }
}
