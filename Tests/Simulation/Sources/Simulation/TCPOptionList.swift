/// The options of a segment. RFC 9293 §3.1, RFC 7323, RFC 2018.
struct TCPOptionList {
  private(set) var maximumSegmentSize: Int?
  private(set) var windowShift: Int?
  private(set) var isSACKPermitted = false
  private(set) var blocks = 0
  private(set) var hasTimestamp = false

  init(_ frame: Frame) throws(Failure) {
    var offset = frame.tcp + 20
    let end = frame.tcp + frame.tcpHeaderSize
    while offset < end {
      let kind = frame.bytes[offset]
      if kind == 1 {
        offset += 1
        continue
      }
      if kind == 0 {
        try require(
          frame.bytes[offset..<end].allSatisfy { $0 == 0 },
          "something behind the end of the options"
        )
        return
      }
      try require(offset + 2 <= end, "an option without a length")
      let length = Int(frame.bytes[offset + 1])
      try require(
        length >= 2 && offset + length <= end,
        "option \(kind) of \(length) bytes"
      )
      switch (kind, length) {
      case (2, 4): maximumSegmentSize = frame.word(offset + 2)
      case (3, 3): windowShift = Int(frame.bytes[offset + 2])
      case (4, 2): isSACKPermitted = true
      case (5, 10), (5, 18), (5, 26), (5, 34): blocks = (length - 2) / 8
      case (8, 10): hasTimestamp = true
      default: throw Failure("option \(kind) of \(length) bytes")
      }
      offset += length
    }
  }

  func check(isSYN: Bool) throws(Failure) {
    try require(
      isSYN
        || (maximumSegmentSize == nil && windowShift == nil
          && !isSACKPermitted),
      "an option of a SYN in a segment without"
    )
    try require(!isSYN || blocks == 0, "SACK blocks in a SYN")
    try require(windowShift ?? 0 <= 14, "windows scaled by more than 14")
  }
}
