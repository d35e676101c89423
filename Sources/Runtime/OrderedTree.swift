/// The ordered set of libstdc++ (`bits/stl_tree.h`), as far as the concurrency
/// library uses one: it keeps the keys of task-local values in it while it
/// copies them.
///
/// The tree is kept in order but not balanced: it holds a handful of keys. Of
/// the colours only the root's is used, to tell it from the header.
enum OrderedTree {
  /// `std::_Rb_tree_node_base`.
  @unsafe
  struct Node {
    var isBlack: CInt
    var parent: UnsafeMutablePointer<Node>?
    var left: UnsafeMutablePointer<Node>?
    var right: UnsafeMutablePointer<Node>?
  }

  /// `std::_Rb_tree_insert_and_rebalance`: links `node` under `parent`. The
  /// header's parent is the root, its left and right the first and last node.
  ///
  /// SAFETY: All are of one tree, and `parent` has nothing on that side.
  @unsafe
  static func insert(
    _ node: UnsafeMutablePointer<Node>,
    isLeft: Bool,
    under parent: UnsafeMutablePointer<Node>,
    header: UnsafeMutablePointer<Node>
  ) {
    unsafe node.pointee = unsafe Node(
      isBlack: 0,
      parent: parent,
      left: nil,
      right: nil
    )
    if unsafe parent == header {
      unsafe node.pointee.isBlack = 1
      unsafe header.pointee.parent = unsafe node
      unsafe header.pointee.left = unsafe node
      unsafe header.pointee.right = unsafe node
    } else if isLeft {
      unsafe parent.pointee.left = unsafe node
      if unsafe header.pointee.left == parent {
        unsafe header.pointee.left = unsafe node
      }
    } else {
      unsafe parent.pointee.right = unsafe node
      if unsafe header.pointee.right == parent {
        unsafe header.pointee.right = unsafe node
      }
    }
  }

  /// `std::_Rb_tree_decrement`: the node before `node` in order; the last one
  /// for the header.
  ///
  /// SAFETY: `node` is of a tree that is not empty, and not its first.
  @unsafe
  static func decrement(
    _ node: UnsafeMutablePointer<Node>
  ) -> UnsafeMutablePointer<Node> {
    var node = unsafe node
    let isHeader =
      unsafe node.pointee.isBlack == 0
      && node.pointee.parent!.pointee.parent == node
    if isHeader { return unsafe node.pointee.right! }
    if var left = unsafe node.pointee.left {
      while let right = unsafe left.pointee.right {
        unsafe left = unsafe right
      }
      return unsafe left
    }
    var parent = unsafe node.pointee.parent!
    while unsafe parent.pointee.left == node {
      unsafe node = unsafe parent
      unsafe parent = unsafe node.pointee.parent!
    }
    return unsafe parent
  }
}
