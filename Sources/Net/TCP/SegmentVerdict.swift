/// What a connection asks of the table of connections.
enum SegmentVerdict {
  case done
  /// Answer the segment with a reset. RFC 9293 §3.5.2.
  case reset
  /// The segment begins a new connection where this one was.
  case reopen
}
