import Packets
import Testing

@testable import Net

@Suite struct DNSStreamBufferTests {
  @Test func message_comesInAnyParts() throws {
    let message: [UInt8] = [1, 2, 3, 4, 5]
    let framed = DNSStreamBuffer.frame(message)
    #expect(framed == [0, 5, 1, 2, 3, 4, 5])
    for first in 0...framed.count {
      for second in first...framed.count {
        var buffer = DNSStreamBuffer(limit: 100)
        try buffer.append(Array(framed[..<first]).rawBytes)
        #expect((buffer.message != nil) == (first == framed.count))
        try buffer.append(Array(framed[first..<second]).rawBytes)
        try buffer.append(Array(framed[second...]).rawBytes)
        #expect(buffer.message == message, "\(first), \(second)")
      }
    }
  }

  @Test func whatFollows_isNotKept() throws {
    var buffer = DNSStreamBuffer(limit: 100)
    try buffer.append(([0, 1, 9, 8, 7] as [UInt8]).rawBytes)
    try buffer.append(([6] as [UInt8]).rawBytes)
    #expect(buffer.message == [9])
  }

  @Test func empty_isAMessage() throws {
    var buffer = DNSStreamBuffer(limit: 100)
    try buffer.append(([0, 0, 1] as [UInt8]).rawBytes)
    #expect(buffer.message == [])
  }

  @Test func tooLong_isRefused_byItsLengthAlone() {
    var buffer = DNSStreamBuffer(limit: 100)
    #expect(throws: DNSError.truncated) {
      try buffer.append(([0, 101] as [UInt8]).rawBytes)
    }
    var other = DNSStreamBuffer(limit: 100)
    #expect(throws: Never.self) {
      try other.append(([0, 100] as [UInt8]).rawBytes)
    }
  }

  @Test func longest_frames() {
    let framed = DNSStreamBuffer.frame([UInt8](repeating: 7, count: 0x1234))
    #expect(framed.count == 0x1236)
    #expect(Array(framed[..<2]) == [0x12, 0x34])
  }
}
