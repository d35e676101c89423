#if hasFeature(Embedded)
  // What the concurrency library, which is written in C++, leaves for the C++
  // library to supply: three ends of the program, and an ordered set.

  /// The stack protector's canary is gone. The compiler calls it.
  @c(__stack_chk_fail)
  public func stackCheckFailed() {
    unsafe Platform.current!.panic("a stack frame was overwritten")
  }

  /// Itanium C++ ABI §3.2.6.
  @c(__cxa_pure_virtual)
  public func pureVirtualCalled() {
    unsafe Platform.current!.panic("a pure virtual function was called")
  }

  /// `std::__throw_length_error(char const*)`.
  @c(_ZSt20__throw_length_errorPKc)
  public func throwLengthError(_ message: UnsafePointer<CChar>) {
    unsafe Platform.current!.panic("a C++ container grew too large")
  }

  /// `std::_Rb_tree_insert_and_rebalance`; see ``OrderedTree``.
  @c(_ZSt29_Rb_tree_insert_and_rebalancebPSt18_Rb_tree_node_baseS0_RS_)
  public func treeInsert(
    _ isLeft: Bool,
    _ node: UnsafeMutableRawPointer,
    _ parent: UnsafeMutableRawPointer,
    _ header: UnsafeMutableRawPointer
  ) {
    // SAFETY: All three are nodes of one tree, as the C++ caller made them; so
    // is that of `treeDecrement`.
    unsafe OrderedTree.insert(
      node.assumingMemoryBound(to: OrderedTree.Node.self),
      isLeft: isLeft,
      under: parent.assumingMemoryBound(to: OrderedTree.Node.self),
      header: header.assumingMemoryBound(to: OrderedTree.Node.self)
    )
  }

  /// `std::_Rb_tree_decrement`; see ``OrderedTree``.
  @c(_ZSt18_Rb_tree_decrementPSt18_Rb_tree_node_base)
  public func treeDecrement(
    _ node: UnsafeMutableRawPointer
  ) -> UnsafeMutableRawPointer {
    unsafe UnsafeMutableRawPointer(
      OrderedTree.decrement(
        node.assumingMemoryBound(to: OrderedTree.Node.self)
      )
    )
  }
#endif
