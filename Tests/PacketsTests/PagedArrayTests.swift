import Packets
import Testing

/// Counts how many are alive.
private final class Alive {
  var count = 0
}

/// An element that is told when it ends.
struct PagedElement: ~Copyable {
  private let alive: Alive
  var number: Int

  fileprivate init(_ number: Int, _ alive: Alive) {
    self.number = number
    self.alive = alive
    alive.count += 1
  }

  deinit { alive.count -= 1 }
}

@Suite struct PagedArrayTests {
  @Test(arguments: [0, 1, 63, 64, 65, 128, 200])
  func elements_areInOrderAndEnd(count: Int) {
    let alive = Alive()
    do {
      var array = PagedArray<PagedElement>(limit: 200)
      for number in 0..<count { array.append(PagedElement(number, alive)) }
      let held = array.count
      #expect(held == count)
      #expect(alive.count == count)
      for index in 0..<count { array[index].number += 1000 }
      for index in 0..<count {
        let number = array[index].number
        #expect(number == 1000 + index)
      }
    }
    #expect(alive.count == 0)
  }

  @Test func places_neverMove() {
    let alive = Alive()
    var array = PagedArray<PagedElement>(limit: 1000)
    array.append(PagedElement(0, alive))
    // SAFETY: Only the address is looked at.
    let first = unsafe withUnsafePointer(to: &array[0]) {
      UInt(bitPattern: $0)
    }
    for number in 1..<1000 { array.append(PagedElement(number, alive)) }
    // SAFETY: Only the address is looked at.
    let same = unsafe withUnsafePointer(to: &array[0]) {
      UInt(bitPattern: $0)
    }
    #expect(first == same)
  }

  @Test func replaced_theFormerEnds() {
    let alive = Alive()
    var array = PagedArray<PagedElement>(limit: 1)
    array.append(PagedElement(1, alive))
    array[0] = PagedElement(2, alive)
    let number = array[0].number
    #expect(number == 2)
    #expect(alive.count == 1)
  }

  @Test(arguments: 1...4 as ClosedRange<UInt64>)
  func withoutALimit_anyNumberComesAndGoes(seed: UInt64) {
    let alive = Alive()
    do {
      var array = PagedArray<PagedElement>()
      var model: [Int] = []
      // Up, down over the ends of pages, and up again.
      for (count, up) in [(700, 9), (650, 1), (2000, 8), (500, 3)] {
        for step in 0..<count {
          if (step &* 7 &+ Int(seed)) % 10 < up || model.isEmpty {
            array.append(PagedElement(step, alive))
            model.append(step)
          } else {
            let number = array.removeLast().number
            #expect(number == model.removeLast(), "seed \(seed)")
          }
        }
        let held = array.count
        #expect(held == model.count)
        #expect(alive.count == model.count)
        for index in model.indices {
          let number = array[index].number
          #expect(number == model[index], "seed \(seed)")
        }
      }
    }
    #expect(alive.count == 0)
  }

  @Test func removingFromNone_traps() async {
    await #expect(processExitsWith: .failure) {
      var array = PagedArray<Int>()
      array.append(1)
      _ = array.removeLast()
      _ = array.removeLast()
    }
  }
}
