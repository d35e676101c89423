import Packets
import Testing

@Suite struct SideRecordTests {
  /// Counts how often it ends.
  final class Count {
    var ended = 0
  }

  struct Value: ~Copyable {
    let count: Count
    var number: Int
    deinit { count.ended += 1 }
  }

  @Test func empty_isAPointer() {
    let record = SideRecord<InlineArray<100, Int>>()
    let isPresent = record.isPresent
    #expect(!isPresent)
    let size = MemoryLayout<SideRecord<InlineArray<100, Int>>>.size
    #expect(size == MemoryLayout<Int>.size)
  }

  @Test func value_isChangedInPlace() {
    let count = Count()
    do {
      var record = SideRecord(Value(count: count, number: 1))
      let isPresent = record.isPresent
      #expect(isPresent)
      record.value.number += 41
      let number = record.value.number
      #expect(number == 42)
    }
    #expect(count.ended == 1)
  }

  @Test func taken_isThereOnce() {
    let count = Count()
    do {
      var record = SideRecord(Value(count: count, number: 7))
      let other = record.take()
      let isThere = (record.isPresent, other.isPresent)
      #expect(isThere == (false, true))
      let number = other.value.number
      #expect(number == 7)
      #expect(count.ended == 0)
    }
    #expect(count.ended == 1)
  }

  @Test func another_endsTheFirst() {
    let count = Count()
    var record = SideRecord(Value(count: count, number: 1))
    record = SideRecord(Value(count: count, number: 2))
    #expect(count.ended == 1)
    let number = record.value.number
    #expect(number == 2)
    _ = record.take()
    #expect(count.ended == 2)
  }
}
