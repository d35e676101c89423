import Packets
import Testing

@Suite struct RawSpanIntegersTests {
  let bytes: [UInt8] = [0x01, 0x82, 0x03, 0x84, 0x05, 0x86, 0x07, 0x88, 0x09]

  @Test func integers_areReadAsTheyAreOrdered() {
    let span = bytes.rawBytes
    #expect(span.byte(at: 0) == 0x01)
    #expect(span.byte(at: 8) == 0x09)
    #expect(span.bigEndian(at: 0, as: UInt8.self) == 0x01)
    #expect(span.bigEndian(at: 1, as: UInt16.self) == 0x8203)
    #expect(span.littleEndian(at: 1, as: UInt16.self) == 0x0382)
    #expect(span.bigEndian(at: 5, as: UInt32.self) == 0x8607_8809)
    #expect(span.littleEndian(at: 5, as: UInt32.self) == 0x0988_0786)
    #expect(span.bigEndian(at: 1, as: UInt64.self) == 0x8203_8405_8607_8809)
    #expect(span.littleEndian(at: 1, as: UInt64.self) == 0x0988_0786_0584_0382)
    #expect(span.bigEndian(at: 1, as: Int16.self) == -0x7DFD)
    let inferred: UInt16 = span.bigEndian(at: 0)
    #expect(inferred == 0x0182)
  }

  @Test(arguments: [0, 1, 5])
  func integers_areWrittenAsTheyAreOrdered(offset: Int) {
    var target = [UInt8](repeating: 0xEE, count: 9)
    write(&target) { $0.storeBigEndian(0x0102_0304 as UInt32, at: offset) }
    var expected = [UInt8](repeating: 0xEE, count: 9)
    expected.replaceSubrange(offset..<offset + 4, with: [1, 2, 3, 4])
    #expect(target == expected)
    write(&target) { $0.storeLittleEndian(0x0102_0304 as UInt32, at: offset) }
    expected.replaceSubrange(offset..<offset + 4, with: [4, 3, 2, 1])
    #expect(target == expected)
  }

  @Test func everyWidth_isWrittenWhole() {
    var target = [UInt8](repeating: 0, count: 15)
    write(&target) {
      $0.storeBigEndian(0x01 as UInt8, at: 0)
      $0.storeBigEndian(0x0203 as UInt16, at: 1)
      $0.storeBigEndian(0x0405_0607 as UInt32, at: 3)
      $0.storeLittleEndian(0x0F0E_0D0C_0B0A_0908 as UInt64, at: 7)
    }
    #expect(target == Array(1...15))
  }

  @Test func span_isCopiedToItsOffset() {
    var target = [UInt8](repeating: 0, count: 5)
    write(&target) {
      $0.copy(array: [1, 2], to: 3)
      $0.copy(array: [], to: 5)
      $0.copy(array: [9], to: 0)
    }
    #expect(target == [9, 0, 0, 1, 2])
    write(&target) { $0.copy(array: [5, 4, 3, 2, 1], to: 0) }
    #expect(target == [5, 4, 3, 2, 1])
  }

  @Test(
    arguments: [
      ("byte", 4), ("byte", -1), ("big", 1), ("big", -1), ("big", .max),
      ("little", 1), ("little", -1), ("big64", 0), ("storeBig", 1),
      ("storeBig", -1), ("storeBig", .max), ("storeLittle", 1),
      ("storeLittle", .min), ("copy", 3), ("copy", -1), ("copy", .max),
      ("copyNothing", 5),
    ]
  )
  func outOfBounds_traps(operation: String, offset: Int) async {
    await #expect(processExitsWith: .failure) { [operation, offset] in
      var target = [UInt8](repeating: 0, count: 4)
      let source: [UInt8] = [1, 2, 3, 4]
      let span = source.rawBytes
      switch operation {
      case "byte": _ = span.byte(at: offset)
      case "big": _ = span.bigEndian(at: offset, as: UInt32.self)
      case "little": _ = span.littleEndian(at: offset, as: UInt32.self)
      case "big64": _ = span.bigEndian(at: offset, as: UInt64.self)
      case "storeBig":
        write(&target) { $0.storeBigEndian(1 as UInt32, at: offset) }
      case "storeLittle":
        write(&target) { $0.storeLittleEndian(1 as UInt32, at: offset) }
      case "copy":
        write(&target) { $0.copy(array: [1, 2], to: offset) }
      case "copyNothing":
        write(&target) { $0.copy(array: [], to: offset) }
      default: break
      }
    }
  }
}

private func write(
  _ target: inout [UInt8],
  _ body: (inout MutableRawSpan) -> Void
) {
  var span = target.mutableSpan
  var bytes = unsafe span.mutableBytes
  body(&bytes)
}
