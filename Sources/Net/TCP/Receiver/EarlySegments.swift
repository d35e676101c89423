/// What came before its turn, and what the peer is told of it: a record beside
/// the connection, which has one only while there is something in it.
struct EarlySegments: ~Copyable {
  var assembler = Assembler()
  var selective = SelectiveBlocks()

  /// Nothing; the peer is told of it when both ends permit that.
  init(isSelective: Bool) {
    if isSelective { selective.turnOn() }
  }

  /// Nothing came early, and there is nothing to tell.
  var isEmpty: Bool { assembler.isEmpty && selective.isEmpty }

  /// Begins anew for another connection, with the memory that there is.
  mutating func reuse(isSelective: Bool) {
    assembler.removeAll()
    selective = SelectiveBlocks()
    if isSelective { selective.turnOn() }
  }
}
