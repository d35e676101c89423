#if hasFeature(Embedded)
  // What the concurrency library, which is written in C++, leaves for the C++
  // library to supply: three ends of the program, and the ordered set in which
  // it keeps the keys of task-local values while it copies them.

  @c(__stack_chk_fail)
  public func stackCheckFailed() {
    unsafe Platform.current!.panic("a stack frame was overwritten")
  }

  @c(__cxa_pure_virtual)
  public func pureVirtualCalled() {
    unsafe Platform.current!.panic("a pure virtual function was called")
  }

  @c(_ZSt20__throw_length_errorPKc)
  public func throwLengthError(_ message: UnsafePointer<CChar>) {
    unsafe Platform.current!.panic("a C++ container grew too large")
  }

  /// A node of libstdc++'s red-black tree, `std::_Rb_tree_node_base`.
  ///
  /// The tree is kept in order but not balanced: it holds a handful of keys.
  /// Of the colours only the root's is used, to tell it from the header.
  @unsafe
  private struct TreeNode {
    var isBlack: CInt
    var parent: UnsafeMutablePointer<TreeNode>
    var left: UnsafeMutablePointer<TreeNode>?
    var right: UnsafeMutablePointer<TreeNode>?
  }

  /// `std::_Rb_tree_insert_and_rebalance`: links `node` under `parent`. The
  /// header's parent is the root, its left and right the first and last node.
  @c(_ZSt29_Rb_tree_insert_and_rebalancebPSt18_Rb_tree_node_baseS0_RS_)
  public func treeInsert(
    _ isLeft: Bool,
    _ node: UnsafeMutableRawPointer,
    _ parent: UnsafeMutableRawPointer,
    _ header: UnsafeMutableRawPointer
  ) {
    // SAFETY: All three are nodes of one tree, as the C++ caller made them.
    let node = unsafe node.assumingMemoryBound(to: TreeNode.self)
    let parent = unsafe parent.assumingMemoryBound(to: TreeNode.self)
    let header = unsafe header.assumingMemoryBound(to: TreeNode.self)
    unsafe node.pointee = unsafe TreeNode(
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

  /// `std::_Rb_tree_decrement`: the node before `node` in order.
  @c(_ZSt18_Rb_tree_decrementPSt18_Rb_tree_node_base)
  public func treeDecrement(
    _ node: UnsafeMutableRawPointer
  ) -> UnsafeMutableRawPointer {
    // SAFETY: As in `treeInsert`.
    var node = unsafe node.assumingMemoryBound(to: TreeNode.self)
    let isHeader =
      unsafe node.pointee.isBlack == 0
      && node.pointee.parent.pointee.parent == node
    if isHeader {
      return unsafe UnsafeMutableRawPointer(node.pointee.right!)
    }
    if var left = unsafe node.pointee.left {
      while let right = unsafe left.pointee.right {
        unsafe left = unsafe right
      }
      return UnsafeMutableRawPointer(left)
    }
    var parent = unsafe node.pointee.parent
    while unsafe parent.pointee.left == node {
      unsafe node = unsafe parent
      unsafe parent = unsafe node.pointee.parent
    }
    return UnsafeMutableRawPointer(parent)
  }
#endif
