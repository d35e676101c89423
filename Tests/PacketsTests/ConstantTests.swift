import Packets
import Testing

@Suite struct ConstantTests {
  /// Counts how often it ends.
  final class Value {
    let ended: () -> Void
    init(_ ended: @escaping () -> Void) { self.ended = ended }
    deinit { ended() }
  }

  @Test func value_isReadInPlace() {
    let constant = Constant(InlineArray<100, Int>(repeating: 7))
    let seventh = constant.value[6]
    #expect(seventh == 7)
    let size = MemoryLayout<Constant<InlineArray<100, Int>>>.size
    #expect(size == MemoryLayout<Int>.size)
  }

  @Test func value_endsWithIt() {
    var count = 0
    do {
      let constant = Constant(Value { count += 1 })
      constant.value.ended()
      #expect(count == 1)
    }
    #expect(count == 2)
  }
}
