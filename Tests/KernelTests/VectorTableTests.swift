import Testing

@testable import Kernel

/// Vectors are taken in a row, and are free again when they are given back.
@Suite struct VectorTableTests {
  @Test func taken_areInARowAndNobodyElses() {
    var table = VectorTable(120...135)
    #expect(table.take(3) == 120)
    #expect(table.take(10) == 123)
    #expect(table.take(4) == nil)
    #expect(table.take(3) == 133)
    #expect(table.take(1) == nil)
  }

  @Test func givenBackInTheMiddle_areTakenAgainWhereTheyFit() {
    var table = VectorTable(65...254)
    #expect(table.take(3) == 65)
    #expect(table.take(3) == 68)
    #expect(table.take(3) == 71)
    table.giveBack(68, 3)
    #expect(table.take(4) == 74)
    #expect(table.take(3) == 68)
    // A part of them.
    table.giveBack(70, 1)
    #expect(table.take(1) == 70)
  }

  /// A machine that is plugged and unplugged for days has vectors left.
  @Test func plugAndUnplug_nothingIsUsedUp() {
    var table = VectorTable(48...63)
    #expect(table.take(2) == 48)
    for _ in 0..<1000 {
      #expect(table.take(9) == 50)
      table.giveBack(50, 9)
    }
  }
}
