import Testing

@testable import Runtime

/// A tree of numbers, in which places are found as libstdc++'s templates find
/// them (`_M_get_insert_unique_pos`): that part is compiled into the caller.
@safe
private final class TestTree {
  typealias Node = OrderedTree.Node
  typealias Pointer = UnsafeMutablePointer<Node>

  private let header = Pointer.allocate(capacity: 1)
  private var keys: [Pointer: Int] = unsafe [:]

  init() {
    unsafe header.initialize(
      to: Node(isBlack: 0, parent: nil, left: header, right: header)
    )
  }

  deinit {
    unsafe keys.keys.forEach { unsafe $0.deallocate() }
    unsafe header.deallocate()
  }

  /// Whether `key` was not there before.
  func insert(_ key: Int) -> Bool {
    var parent = unsafe header
    var next = unsafe header.pointee.parent
    var isLeft = true
    while let node = unsafe next {
      unsafe parent = unsafe node
      isLeft = unsafe key < keys[node]!
      unsafe next = unsafe isLeft ? node.pointee.left : node.pointee.right
    }
    // The key's equal, if there is one, is the last that is not after it.
    if isLeft {
      if unsafe parent != header.pointee.left,
        unsafe parent != header
          || header.pointee.parent != nil
      {
        let before = unsafe OrderedTree.decrement(parent)
        if unsafe keys[before]! == key { return false }
      }
    } else if unsafe keys[parent]! == key {
      return false
    }
    let node = Pointer.allocate(capacity: 1)
    // What the caller leaves there is not zero.
    unsafe node.initialize(
      to: Node(isBlack: 7, parent: node, left: node, right: node)
    )
    unsafe keys[node] = key
    unsafe OrderedTree.insert(
      node,
      isLeft: isLeft || parent == header,
      under: parent,
      header: header
    )
    return true
  }

  /// The keys from the end to the first, by going back from the header.
  func backwards() -> [Int] {
    guard unsafe header.pointee.parent != nil else { return [] }
    var found: [Int] = []
    let count = unsafe keys.count
    var node = unsafe header
    // One step more than there are nodes would go round in circles.
    for _ in 0..<count {
      unsafe node = unsafe OrderedTree.decrement(node)
      guard let key = unsafe keys[node] else { break }
      found.append(key)
    }
    return found
  }

  var first: Int? { unsafe header.pointee.left.flatMap { unsafe keys[$0] } }
  var last: Int? { unsafe header.pointee.right.flatMap { unsafe keys[$0] } }
}

@Suite struct OrderedTreeTests {
  @Test(arguments: [
    [], [1], [1, 2], [2, 1], [1, 2, 3, 4, 5], [5, 4, 3, 2, 1],
    [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5], [2, 2, 2],
  ])
  func insert_keepsOrderWhateverCameFirst(_ keys: [Int]) {
    let tree = TestTree()
    var model: Set<Int> = []
    for key in keys {
      let isNew = tree.insert(key)
      let expected = model.insert(key).inserted
      #expect(isNew == expected)
      #expect(tree.backwards() == model.sorted(by: >))
      #expect(tree.first == model.min())
      #expect(tree.last == model.max())
    }
  }

  @Test(arguments: UInt64(1)...50)
  func randomKeys_areAsASetHasThem(_ seed: UInt64) {
    var numbers = SeededNumbers(seed: seed)
    let tree = TestTree()
    var model: Set<Int> = []
    for _ in 0..<200 {
      let key = Int.random(in: 0..<150, using: &numbers)
      let isNew = tree.insert(key)
      let expected = model.insert(key).inserted
      #expect(isNew == expected, "seed \(seed)")
    }
    #expect(tree.backwards() == model.sorted(by: >), "seed \(seed)")
  }
}
